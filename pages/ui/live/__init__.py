"""The live channel in the browser: it tells a page that it is out of date, and moves its times."""
