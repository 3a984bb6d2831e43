"""The routes that answer with rows, from the text of a cell to a file on the wire."""
