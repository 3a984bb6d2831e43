"""Runs and deliveries: request, watch and list them, and show their open issues."""
