"""Questions in SQL that people write."""
