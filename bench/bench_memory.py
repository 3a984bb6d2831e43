"""Measure the memory for reading an answer, as a multiple of the answer's size.

    python -m bench.bench_memory [--mb 15] [--full]

Each answer is read in a fresh process; the printed figure is the peak of its resident memory minus
that of a process which only holds the answer: 0 would be the answer and nothing else. ``--full``
measures the whole sync instead, download, comparison and transaction included, and counts the
answer itself, too.

Measured on 2 cores with Python 3.11, answers of 15 MB; in brackets, when all records were split off
before the first was decoded:

=================  ===============  ==============
answer             reading          the whole sync
=================  ===============  ==============
french_products    2.4× (2.6×)      4.9× (5.0×)
empty_records      1.3× (44×)       2.3× (45×)
tiny_rejected      1.0× (9.1×)      2.0× (10×)
deep_nesting       1.2× (1.4×)      2.4× (2.5×)
one_long_record    0.2× (1.8×)      1.0× (2.6×)
nearly_json        0.6× (44×)       1.4× (45×)
=================  ===============  ==============
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from bench.peer import serving
from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import PeerError, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings

_UNIT = 1 if sys.platform == "darwin" else 1024


def french_products() -> Iterator[str]:
    """Yield products as a French shop has them."""
    families = ("Réfrigérateurs", "Téléviseurs", "Fours à micro-ondes", "Élément de cuisine")
    for number in count():
        family = families[number % len(families)]
        yield json.dumps(
            {
                "id": number,
                "codeProduit": f"X1-{number}",
                "familleProduit": family,
                "descriptionProduit": f"{family} « été » n° {number}, qualité supérieure",
                "quantiteMin": 5,
                "packaging": 2,
                "prix": 100 + number % 9_999,
            },
            ensure_ascii=False,
        )


def empty_records() -> Iterator[str]:
    """Yield nothing but ``{}``."""
    while True:
        yield "{}"


def tiny_rejected() -> Iterator[str]:
    """Yield records with a key that are rejected."""
    for number in count():
        yield f'{{"codeProduit":"{number}"}}'


def deep_nesting() -> Iterator[str]:
    """Yield good products, each with a field that is a hundred lists deep."""
    deep = "[" * 100 + "]" * 100
    for number in count():
        yield (
            f'{{"codeProduit":"{number}","familleProduit":"f","descriptionProduit":"d",'
            f'"prix":1,"more":{deep}}}'
        )


def one_long_record() -> Iterator[str]:
    """Yield records of a megabyte, each a list of empty ones, which must not become objects."""
    record = f"[{'{},' * 350_000}{{}}]"
    while True:
        yield record


def nearly_json() -> Iterator[str]:
    """Yield a record that is not strict JSON, for the lenient reader, then nothing but ``{}``."""
    yield '{"prix":NaN}'
    yield from empty_records()


CASES: dict[str, Callable[[], Iterator[str]]] = {
    function.__name__: function
    for function in (
        french_products,
        empty_records,
        tiny_rejected,
        deep_nesting,
        one_long_record,
        nearly_json,
    )
}


def write_answer(file: Path, kind: str, size: int) -> None:
    """Write an answer of this kind, of about ``size`` bytes."""
    with file.open("w", encoding="utf-8") as out:
        written = out.write('{"produits":[')
        separator = ""
        for record in CASES[kind]():
            written += out.write(separator + record)
            separator = ","
            if written >= size:
                break
        out.write("]}")


def read(file: Path, *, only_hold: bool) -> str:
    """Read an answer, or only hold it; return the outcome."""
    body = bytearray(file.stat().st_size)
    with file.open("rb") as source:
        source.readinto(body)
    if only_hold:
        return str(len(body))
    try:
        parsed = PRODUCTS.parse(body)
    except PeerError as error:
        return type(error).__name__
    return f"{len(parsed.records):,} taken, {parsed.rejected_count:,} rejected"


def sync(file: Path, *, only_hold: bool) -> str:
    """Run a whole sync, or only start an application that is ready for one."""
    with tempfile.TemporaryDirectory() as folder, serving(file) as url:
        settings = Settings(database=Path(folder) / "shop.db", max_body_mb=1024)
        application = Application.open(settings, gateway_url=url)
        application.start(watch=False)
        try:
            application.scheduler.fetch_clock()
            if only_hold:
                return "ready"
            run = application.request_sync(
                "products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
            ).wait()
            return run.status.value
        finally:
            application.stop()


def measure(file: Path, *, full: bool, only_hold: bool) -> tuple[int, float, str]:
    """Return peak bytes, seconds and the outcome of a fresh process."""
    flags = [*(["--full"] if full else []), *(["--only-hold"] if only_hold else [])]
    command = [sys.executable, "-m", "bench.bench_memory", "--read", str(file), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, seconds, outcome = json.loads(done.stdout)
    return peak, seconds, outcome


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mb", type=float, default=15)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only-hold", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        began_s = time.perf_counter()
        outcome = (sync if options.full else read)(options.read, only_hold=options.only_hold)
        seconds = time.perf_counter() - began_s
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
        print(json.dumps([peak, seconds, outcome]))
        return
    print(f"{'answers of ' + format(options.mb, 'g') + ' MB':20}{'memory':>8}{'seconds':>9}")
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        for kind in CASES:
            file = Path(folder) / f"{kind}.json"
            write_answer(file, kind, int(options.mb * 1e6))
            base, _, _ = measure(file, full=options.full, only_hold=True)
            peak, seconds, outcome = measure(file, full=options.full, only_hold=False)
            ratio = (peak - base) / file.stat().st_size
            print(f"{kind:20}{ratio:>7.2f}×{seconds:>9.2f}  {outcome}")


if __name__ == "__main__":
    main()
