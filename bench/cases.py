"""The measured cases, each in a fresh process: one sync by the application, or one baseline.

``python -m bench.cases`` reads a case as JSON from its standard input and prints its measurement as
JSON: seconds, rows, and the growth of the resident memory's peak in bytes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import sqlite_utils

from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.datasets.products import ProductRecord
from ecommerce_core.domain import Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store

NOW = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Case:
    """``what`` is the name of a function of this module. ``limit_rows``: measure only so many."""

    what: str
    database: str
    answer: str
    gateway_url: str = ""
    limit_rows: int = 0


@dataclass(frozen=True)
class Measured:
    """One measurement.

    ``seconds`` of a sync end at its commit, when a callback is answered; ``seen_s`` when readers
    see its rows. ``stages_s`` are the durations of the run's own stages.
    """

    seconds: float
    rows: int
    grown_bytes: int
    status: str = ""
    stages_s: dict[str, float] | None = None
    seen_s: float | None = None


class _Answer(msgspec.Struct, gc=False):
    produits: list[ProductRecord]


def sync(case: Case) -> Measured:
    """Measure from the request to the committed run: download, digest, validation, storing."""
    with _application(case) as application:
        # A running server has called its peers before: one-time loading is not part of the sync.
        application.scheduler.fetch_clock()
        watch = Watch()
        run = application.request_sync(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
        ).wait()
        seen = watch.read(run.counts.fetched, status=run.status.value, stages_s=dict(run.stages_s))
        assert run.finished_at is not None
        return replace(
            seen,
            seconds=(run.finished_at - run.started_at).total_seconds(),
            seen_s=seen.seconds,
        )


def clear(case: Case) -> Measured:
    """Measure a clear until readers see that the dataset is empty."""
    with _application(case) as application:
        rows = application.reader.totals(PRODUCTS).current
        watch = Watch()
        run = application.clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        return watch.read(rows, status=run.status.value)


def undo(case: Case) -> Measured:
    """Measure the undo of a clear until readers see the rows again."""
    with _application(case) as application:
        watch = Watch()
        run = application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
        measured = watch.read(0, status=run.status.value)
        return replace(measured, rows=application.reader.totals(PRODUCTS).current)


@contextmanager
def _application(case: Case) -> Iterator[Application]:
    settings = Settings(database=Path(case.database), max_body_mb=1024, deadline_s=300)
    application = Application.open(settings, gateway_url=case.gateway_url)
    application.start()
    try:
        yield application
    finally:
        application.stop()


def orm_like(case: Case) -> Measured:
    """Measure the original's way: a statement and a commit per row, without the cost of an ORM."""
    body = Path(case.answer).read_bytes()
    store = Store.open(Path(case.database))
    with store.reading() as db:
        path = db.execute("PRAGMA database_list").fetchone()[2]
    watch = Watch()
    products = json.loads(body)["produits"][: case.limit_rows]
    connection = sqlite_utils.Database(path).conn
    connection.isolation_level = None
    insert = _insert()
    watch.start()  # the rate is extrapolated, so one-time costs must not count
    for product in products:
        connection.execute("BEGIN")
        connection.execute(
            insert,
            (
                product["codeProduit"],
                product["familleProduit"],
                product["descriptionProduit"],
                product["prix"],
                product["quantiteMin"],
                product["packaging"],
                product["id"],
            ),
        )
        connection.execute("COMMIT")
    measured = watch.read(len(products))
    connection.close()
    return measured


def sqlite_utils_upsert(case: Case) -> Measured:
    """Measure ``json.loads`` and ``upsert_all`` into a table of its own making."""
    body = Path(case.answer).read_bytes()
    db = sqlite_utils.Database(case.database)
    watch = Watch()
    products = json.loads(body)["produits"]
    db.table("product").upsert_all(products, pk="codeProduit")
    measured = watch.read(db.table("product").count)
    db.close()
    return measured


def limit(case: Case) -> Measured:
    """Measure decode and executemany into the same table: no network, no journal, no difference."""
    decoder = msgspec.json.Decoder(_Answer)
    body = Path(case.answer).read_bytes()
    store = Store.open(Path(case.database))
    watch = Watch()
    products = decoder.decode(body).produits
    with store.writing() as db:
        names = (*PRODUCTS.column_names, "fingerprint")
        marks = ", ".join("?" for _ in names)
        insert = (
            f"INSERT INTO product ({', '.join(names)}, first_seen_at, updated_at)"
            f" VALUES ({marks}, '{NOW}', '{NOW}')"
        )
        db.executemany(insert, map(msgspec.structs.astuple, products))
    return watch.read(len(products))


class Watch:
    """Measures from its creation on."""

    def __init__(self) -> None:
        self._peak_before = _peak_bytes()
        self.start()

    def start(self) -> None:
        """Start the time again."""
        self._start = time.perf_counter()

    def read(
        self, rows: int, *, status: str = "", stages_s: dict[str, float] | None = None
    ) -> Measured:
        """Return the measurement until now."""
        seconds = time.perf_counter() - self._start
        return Measured(seconds, rows, _peak_bytes() - self._peak_before, status, stages_s)


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _insert() -> str:
    names = PRODUCTS.column_names
    marks = ", ".join("?" for _ in names)
    return (
        f"INSERT INTO product ({', '.join(names)}, first_seen_at, updated_at)"
        f" VALUES ({marks}, '{NOW}', '{NOW}')"
    )


CASES: dict[str, Callable[[Case], Measured]] = {
    function.__name__: function
    for function in (sync, clear, undo, orm_like, sqlite_utils_upsert, limit)
}


if __name__ == "__main__":
    chosen = Case(**json.load(sys.stdin))
    print(json.dumps(asdict(CASES[chosen.what](chosen))))
