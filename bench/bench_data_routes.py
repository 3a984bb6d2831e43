"""Measure how long the data routes take to answer with every row, and the server's memory.

    python -m bench.bench_data_routes [--rows 1000000] [--formats csv parquet json xlsx]

The server is the real one, as a user starts it, in a process of its own with French products; its
answers are discarded as they arrive. Memory is the peak of its resident memory minus its memory
before, only on Linux. Beside it, in the same run, the floor: DuckDB alone writes all rows of the
same snapshot into a file, on two cores, with no guard, no units, no server.

Targets at a million rows: CSV in 4 s, Parquet in 3 s, at most 100 MB more memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import requests

from bench.bench_rows import filled
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.storage import Snapshots
from tests.support.server import Server, running_server

QUESTIONS = {
    "all": "",
    "all, French": "lang=fr",
    "all, by description": "sort=-description",
    "a search": "q=ete",
    "one page": "page=7&size=1000",
}
SQL = {
    "SQL, grouped": "SELECT family, avg(price_eur) FROM products GROUP BY ALL",
    "SQL, all": "FROM products",
}
MEGABYTE = 1_000_000
QUIET = 0.05


@dataclass(frozen=True)
class Measured:
    """Seconds to the first byte and to the last, bytes, and megabytes more than before."""

    first_s: float
    seconds: float
    size: int
    memory_mb: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=["csv", "parquet", "json", "xlsx"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as name:
        folder = Path(name)
        store = filled(folder, options.rows)
        snapshots = Snapshots(store.path, store)
        snapshots.publish(PRODUCTS)
        print(f"{'format':9}{'question':22}{'first byte':>12}{'seconds':>9}{'MB':>8}{'memory':>10}")
        for file_format in ("csv", "parquet", "json"):
            print(f"{file_format:9}{'DuckDB alone':22}{_floor(snapshots, file_format):21.2f} s")
        with running_server(folder) as server:
            for file_format in options.formats:
                for what, address in _questions(file_format).items():
                    found = _measure(server, address)
                    print(
                        f"{file_format:9}{what:22}{found.first_s:10.2f} s{found.seconds:7.2f} s"
                        f"{found.size / MEGABYTE:8.1f}{found.memory_mb:+7.0f} MB",
                        flush=True,
                    )


def _questions(file_format: str) -> dict[str, str]:
    """The addresses that are asked, by what they are for."""
    found = {
        what: f"products.{file_format}?{query}"
        for what, query in QUESTIONS.items()
        if file_format == "csv" or not query.startswith("lang")
    }
    # A process of its own answers these: its memory is not the server's.
    sql = {what: f"explore.{file_format}?{urlencode({'sql': each})}" for what, each in SQL.items()}
    return found | sql


def _floor(snapshots: Snapshots, file_format: str) -> float:
    (path,) = snapshots.list_files(PRODUCTS)
    target = path.with_name(f"floor.{file_format}")
    names = ", ".join(column.name for column in PRODUCTS.row_columns)
    with duckdb.connect(path, read_only=True, config={"threads": 2}) as database:
        start = time.perf_counter()
        database.execute(
            f"COPY (SELECT {names} FROM product WHERE withdrawn_at IS NULL)"
            f" TO '{target}' (FORMAT {file_format})"
        )
        seconds = time.perf_counter() - start
    target.unlink()
    return seconds


def _measure(server: Server, address: str) -> Measured:
    _wait_until_quiet(server.process.pid)
    before = _memory_mb(server.process.pid, "VmRSS")
    # The peak is counted from here on.
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    start, size = time.perf_counter(), 0
    with requests.get(server.page(address), stream=True, timeout=3_600) as answer:
        answer.raise_for_status()
        first_s = time.perf_counter() - start
        while piece := answer.raw.read(MEGABYTE):
            size += len(piece)
    seconds = time.perf_counter() - start
    peak = _memory_mb(server.process.pid, "VmHWM")
    return Measured(first_s, seconds, size, peak - before)


def _memory_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _wait_until_quiet(pid: int) -> None:
    """Wait until the server is idle: it may have just started."""
    while True:
        before = _ticks(pid)
        time.sleep(1)
        if _ticks(pid) - before <= 100 * QUIET:
            return


def _ticks(pid: int) -> int:
    """Return a process's processor time in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    main()
