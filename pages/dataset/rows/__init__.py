"""A dataset's rows: the list and its pages, search and filters, and one row in full."""
