"""The scheduler's tasks: their table, the form that adds one, its checks and its undo."""
