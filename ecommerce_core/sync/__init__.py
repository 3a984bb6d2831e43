"""The sync: bring a dataset in line with its peer, one run at a time, shared by its callers."""

from ecommerce_core.sync.run_handle import RunHandle
from ecommerce_core.sync.sync import Job, Sync
from ecommerce_core.sync.worker import Worker

__all__ = [
    "Job",
    "RunHandle",
    "Sync",
    "Worker",
]
