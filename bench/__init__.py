"""Figures, not tests: run by hand, never collected by pytest.

- ``python -m bench.bench_sync``: the duration and memory of a sync, beside the original's way,
  sqlite-utils and the bare limit, in the same run.
- ``python -m bench.bench_latency``: the effect of a large sync on the other threads.

Absolutes depend on the machine; ratios within one run are what counts. Repeat a run that something
else disturbed.
"""
