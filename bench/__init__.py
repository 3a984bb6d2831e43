"""Figures, not tests: run by hand, never collected by pytest.

- ``python -m bench.bench_sync``: how long a sync takes and how much memory, beside
  the original's way, sqlite-utils and the bare limit, in the same run.
- ``python -m bench.bench_latency``: what a large sync does to the other threads.

Absolutes depend on the machine; ratios within one run are what counts. Repeat a run that
something else disturbed.
"""
