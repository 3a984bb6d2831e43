"""Where the server stands: the path that all of its addresses begin with, and its pages."""

PREFIX = "/ecommerce"
# As they stand after the prefix; the overview is at the prefix itself.
PAGES = ("", "products", "customers", "scheduler", "activity")
