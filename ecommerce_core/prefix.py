"""Where the server stands: the path that all of its addresses begin with."""

PREFIX = "/ecommerce"
