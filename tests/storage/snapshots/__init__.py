"""Tests of the snapshots that readers read."""
