"""The parts of the scheduler's page: the clock, its tasks, the callbacks that are expected."""
