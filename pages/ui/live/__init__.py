"""The live channel in the browser: it redraws a page that is out of date, and moves its times."""
