"""Measure the duration and memory of a sync, beside its baselines.

    python -m bench.bench_sync [--rows 10000 100000 1000000] [--repeat 3]

Each figure is the median of the repetitions, which take turns so that other load affects all alike;
each measurement has a fresh process. Baselines, on the same bytes:

- (a) the original's way: one INSERT and one commit per row; its rate over the first 1,000
  rows, extrapolated (it depends on how fast the disk syncs, so no two runs agree)
- (b) ``json.loads``, then sqlite-utils ``upsert_all``; once only from 1,000,000 rows on
- (c) the bare limit: msgspec decode, then executemany into the same table in one
  transaction; no network, no journal, no difference

A sync's seconds end at its commit, when a callback is answered; ``seen`` is when readers see its
rows, where the times of a clear and its undo end.

Memory is the growth of the resident memory's peak, as a multiple of the answer's size.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.bodies import write_answer
from bench.cases import Case, Measured
from bench.peer import serving

ORM_ROWS = 1_000
# From this many rows on, baselines that take half a minute each time are measured once.
LARGE = 1_000_000
# For each generation: the peer's answer, and the status that the run must have.
GENERATIONS = (
    ("first", 0, "succeeded"),
    ("unchanged", 0, "unchanged"),
    ("1 % changed", 100, "succeeded"),
    ("all changed", 1, "succeeded"),
)
ACTIONS = ("clear", "undo")
BASELINES = {
    "(a) commit per row": "orm_like",
    "(b) upsert_all": "sqlite_utils_upsert",
    "(c) bare limit": "limit",
}
Figures = dict[str, list[Measured]]


def main() -> int:
    """Measure and print; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    started = time.perf_counter()
    figures: dict[int, Figures] = {}
    sizes: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        for rows in options.rows:
            figures[rows], sizes[rows] = _measure(Path(folder) / str(rows), rows, options.repeat)
            _print_table(rows, figures[rows], sizes[rows])
    missed = _print_targets(figures, sizes)
    print(f"\n{time.perf_counter() - started:.0f} s in all")
    return 1 if missed else 0


def _measure(folder: Path, rows: int, repeat: int) -> tuple[Figures, int]:
    folder.mkdir()
    files = {every: folder / f"changed-{every}.json" for every in (0, 100, 1)}
    sizes = [write_answer(file, rows, changed_every=every) for every, file in files.items()]
    answer = folder / "answer.json"
    figures: Figures = defaultdict(list)
    with serving(answer) as gateway_url:
        for repetition in range(repeat):
            work = folder / "work"
            work.mkdir()
            for name, every, status in GENERATIONS:
                answer.unlink(missing_ok=True)
                answer.hardlink_to(files[every])
                case = Case("sync", str(work / "sync.db"), str(answer), gateway_url)
                measured = _in_fresh_process(case)
                assert measured.status == status, (name, measured)
                assert measured.rows == rows, (name, measured)
                figures[name].append(measured)
            for action in ACTIONS:
                case = Case(action, str(work / "sync.db"), str(answer), gateway_url)
                figures[action].append(_in_fresh_process(case))
            for name, what in BASELINES.items():
                if repetition and rows >= LARGE and what == "sqlite_utils_upsert":
                    continue
                case = Case(what, str(work / f"{what}.db"), str(files[0]), limit_rows=ORM_ROWS)
                figures[name].append(_in_fresh_process(case))
            shutil.rmtree(work)
    shutil.rmtree(folder)
    return figures, sizes[0]


def _in_fresh_process(case: Case) -> Measured:
    result = subprocess.run(
        [sys.executable, "-m", "bench.cases"],
        input=json.dumps(asdict(case)),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(result.stderr)
    return Measured(**json.loads(result.stdout))


def _seconds_per_row(measured: list[Measured]) -> float:
    return median(one.seconds / one.rows for one in measured)


def _memory(measured: list[Measured], body_bytes: int) -> float:
    return median(one.grown_bytes for one in measured) / body_bytes


def _print_table(rows: int, figures: Figures, body_bytes: int) -> None:
    print(f"\n{rows:,} products, an answer of {body_bytes / 1e6:.1f} MB")
    print(
        f"{'':20}{'seconds':>10}{'seen':>8}{'rows/s':>11}{'to (c)':>8}{'to first':>10}{'memory':>8}"
        "   stages"
    )
    limit_s = _seconds_per_row(figures["(c) bare limit"])
    first_s = _seconds_per_row(figures["first"])
    for name, measured in figures.items():
        each_s = _seconds_per_row(measured)
        extrapolated = measured[0].rows != rows
        memory = "" if extrapolated else f"{_memory(measured, body_bytes):.1f}×"
        seen_s = [one.seen_s for one in measured if one.seen_s is not None]
        seen = f"{median(seen_s):.3f}" if seen_s else ""
        print(
            f"{name:20}{each_s * rows:>9.3f}{'*' if extrapolated else ' '}{seen:>8}"
            f"{1 / each_s:>11,.0f}"
            f"{each_s / limit_s:>7.2f}×{each_s / first_s:>9.2f}×{memory:>8}   {_stages(measured)}"
        )
    print(f"* extrapolated from {min(ORM_ROWS, rows):,} rows")


def _stages(measured: list[Measured]) -> str:
    names = (measured[0].stages_s or {}).keys()
    parts = {
        name: median((one.stages_s or {}).get(name, 0.0) for one in measured) for name in names
    }
    return "  ".join(f"{name} {seconds:.3f}" for name, seconds in parts.items())


def _print_targets(figures: dict[int, Figures], sizes: dict[int, int]) -> int:
    print(f"\n{'target':58}{'is':>9}{'wanted':>9}")
    missed = 0

    def check(what: str, value: float, bound: float, *, at_most: bool = True) -> None:
        nonlocal missed
        good = value <= bound if at_most else value >= bound
        missed += not good
        sign = "≤" if at_most else "≥"
        print(f"{what:58}{value:>8.2f}×{sign:>4}{bound:>4g}×{'' if good else '  MISSED'}")

    for rows, of in figures.items():
        first = _seconds_per_row(of["first"])
        if rows >= 100_000:
            name = f"{rows:,}"
            limit, upsert, commit = (_seconds_per_row(of[what]) for what in reversed(BASELINES))
            check(f"first sync of {name}, to (c)", first / limit, 1.25)
            check(f"rate of a first sync of {name}, to (a)", commit / first, 100, at_most=False)
            check(f"rate of a first sync of {name}, to (b)", upsert / first, 2, at_most=False)
            for generation, bound in (("unchanged", 0.1), ("1 % changed", 0.25)):
                ratio = _seconds_per_row(of[generation]) / first
                check(f"{generation} {name}, to the first sync", ratio, bound)
        if rows == 1_000_000:
            for generation, _, _ in GENERATIONS:
                check(f"memory at {rows:,}, {generation}", _memory(of[generation], sizes[rows]), 6)
    if len(figures) > 1:
        low, high = min(figures), max(figures)
        for name in ("first", "1 % changed", "all changed"):
            slope = _seconds_per_row(figures[high][name]) / _seconds_per_row(figures[low][name])
            check(f"time per row at {high:,} to that at {low:,}, {name}", slope, 1.3)
    return missed


if __name__ == "__main__":
    sys.exit(main())
