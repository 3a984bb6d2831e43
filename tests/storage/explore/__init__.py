"""People's SQL queries."""
