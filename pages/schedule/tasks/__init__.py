"""The scheduler's tasks: their table, the form that adds one, and what is checked and undone."""
