"""Helpers of the tests: peers, servers, builders of records, and waiting."""
