"""Runs and deliveries, asked for, watched and listed, and what is open about them."""
