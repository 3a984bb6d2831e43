"""A dataset's rows: the list and its pages, search and filters, and the details of one row."""
