"""The parts of a dataset's page: toolbar, rows, detail, changes, charts, export."""
