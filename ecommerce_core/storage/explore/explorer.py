"""Answer SQL queries over the public tables, a few at a time, each within its limits."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO, cast

import duckdb
from filelock import FileLock

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    ExploreBusy,
    ExploreCancelled,
    ExploreError,
    ExploreFailed,
    ExploreRefused,
    ExploreTimedOut,
    ExploreTooLarge,
    RowsPreparing,
    StoreError,
    StoreFull,
)
from ecommerce_core.storage.explore.exploration import ON_PAGE, Exploration, Limits
from ecommerce_core.storage.explore.found import Found, FoundColumn
from ecommerce_core.storage.explore.journal_copy import JournalCopy
from ecommerce_core.storage.explore.process import Child
from ecommerce_core.storage.explore.tables import Table, list_tables, view_of
from ecommerce_core.storage.record import Transactions
from ecommerce_core.storage.snapshots import Snapshots, is_disk_full, new_spill_folder

# An address has to hold them.
SQL_CHARS = 6_000
# A query may find its file replaced by the next version before it has opened it.
ATTEMPTS = 5
AT_ONCE, MOST_WAITING = 2, 8


class Explorer:
    """Answers queries for all threads of a process. ``timeout_s`` and ``memory_mb`` are for each.

    Each runs in a process of its own, see ``child.py``.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        record: Transactions,
        datasets: Collection[Dataset],
        *,
        memory_mb: int,
        timeout_s: float,
        threads: int = 2,
    ) -> None:
        self.timeout_s = timeout_s
        self.tables = list_tables(datasets)
        self._snapshots = snapshots
        self._memory_mb = memory_mb
        self._threads = threads
        self._copies = {
            table.name: JournalCopy(table, record, datasets)
            for table in self.tables
            if table.dataset is None
        }
        self._executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="explore")
        self._lock = threading.Lock()
        self._waiting: set[Exploration] = set()
        self._own: tuple[Path, FileLock] | None = None
        self._is_closed = False

    def start(self, sql: str, *, limits: Limits = ON_PAGE) -> Exploration:
        """Submit a query; never waits. Raises ExploreBusy, ExploreRefused, ExploreCancelled."""
        if len(sql) > SQL_CHARS:
            raise ExploreRefused("explore_too_long", most=SQL_CHARS)
        asked = Exploration(sql)
        with self._lock:
            if self._is_closed:
                raise ExploreCancelled("explore_cancelled")
            if len(self._waiting) >= AT_ONCE + MOST_WAITING:
                raise ExploreBusy("explore_busy")
            self._waiting.add(asked)
            self._executor.submit(self._answer, asked, limits)
        return asked

    def close(self) -> None:
        """Cancel the queries, and remove all files."""
        with self._lock:
            self._is_closed = True
            waiting = list(self._waiting)
        for asked in waiting:
            asked.cancel()
        self._executor.shutdown(wait=True)
        if self._own is not None:
            folder, lock = self._own
            lock.release()
            rmtree(folder, ignore_errors=True)
            self._own = None

    def _answer(self, asked: Exploration, limits: Limits) -> None:
        try:
            found = self._find(asked, limits)
        except BaseException as error:
            asked.future.set_exception(_explained(error))
        else:
            asked.future.set_result(found)
        finally:
            with self._lock:
                self._waiting.discard(asked)

    def _find(self, asked: Exploration, limits: Limits) -> Found:
        """Return the answer. Raises ExploreError, StoreError, OSError, duckdb.Error."""
        folder, began_s = self._folder(), time.monotonic()
        for _ in range(ATTEMPTS):
            question = self._question(asked, folder, limits)
            child = Child(folder)
            asked.answered_by(child)
            out = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
            try:
                told = self._ask(child, asked, question, out)
                if told["status"] == "ok":
                    columns = tuple(FoundColumn(*column) for column in told["columns"])
                    took_s = time.monotonic() - began_s
                    return Found(columns, told["rows"], told["is_cut"], took_s, out)
                if told["status"] != "not_read":
                    raise _refusal(told)
                out.close()
            except BaseException:
                out.close()
                raise
        raise StoreError("rows_unreadable", reason=told.get("message", ""))

    def _question(self, asked: Exploration, folder: Path, limits: Limits) -> dict[str, Any]:
        """Return the message to the process."""
        attached, setup = self._tables_for(asked, folder)
        return {
            "sql": asked.sql,
            "attached": attached,
            "setup": setup,
            "tables": [table.name for table in self.tables],
            "rows": limits.rows,
            "file_mb": limits.file_mb,
            "memory_mb": self._memory_mb,
            "threads": self._threads,
            # The timeout in real time ends it first; this limit holds if nothing enforces that.
            "cpu_s": int(self.timeout_s * self._threads) + 5,
        }

    def _ask(
        self, child: Child, asked: Exploration, question: dict[str, Any], out: BinaryIO
    ) -> dict[str, Any]:
        try:
            told = child.ask(question, out, timeout_s=self.timeout_s)
        except subprocess.TimeoutExpired as error:
            raise ExploreTimedOut("explore_timed_out", seconds=self.timeout_s) from error
        asked.check()
        # The system killed it, or it could not continue: most likely for lack of memory.
        return {"status": "too_large"} if told is None else told

    def _tables_for(
        self, asked: Exploration, folder: Path
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """Return the files to attach, and the statements that make the public tables of them."""
        attached, setup = list[tuple[str, str]](), list[str]()
        sources: dict[str, str | None] = {}
        for table in self.tables:
            source = table.name if table.dataset is None else table.dataset.name
            if source not in sources:
                path = self._file_of(table, asked, folder)
                sources[source] = None if path is None else f"file_{len(sources)}"
                if path is not None:
                    attached.append((f"file_{len(sources) - 1}", str(path)))
            setup.append(view_of(table, sources[source]))
        return attached, setup

    def _file_of(self, table: Table, asked: Exploration, folder: Path) -> Path | None:
        # Skip a table that the query cannot use: a query contains its tables' names literally.
        if (table.dataset or table).name not in asked.sql.lower():
            return None
        if table.dataset is not None:
            found = self._snapshots.find(table.dataset)
            if found is None and not self._snapshots.is_empty(table.dataset):
                raise RowsPreparing("rows_preparing")
            return None if found is None else found[1]
        path = self._copies[table.name].path(folder, gives_up=lambda: asked.is_cancelled)
        asked.check()
        return path

    def _folder(self) -> Path:
        with self._lock:
            if self._own is None:
                self._own = new_spill_folder(self._snapshots.folder)
            return self._own[0]


def _refusal(told: dict[str, Any]) -> ExploreError:
    if told["status"] == "refused":
        if told["code"] == "one_select":
            return ExploreRefused("explore_one_select")
        code = "explore_no_table" if told["code"] == "table" else "explore_no_function"
        return ExploreRefused(code, name=told["name"])
    if told["status"] == "too_large":
        return ExploreTooLarge("explore_too_large")
    return ExploreFailed("explore_failed", reason=told.get("message", ""))


def _explained(error: BaseException) -> BaseException:
    """Translate the system's errors into ours; nothing else does."""
    if isinstance(error, OSError | duckdb.Error):
        if is_disk_full(error):
            return StoreFull("rows_without_disk")
        return StoreError("rows_unreadable", reason=error)
    return error
