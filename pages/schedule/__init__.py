"""The parts of the scheduler's page: the clock, its tasks, the expected callbacks."""
