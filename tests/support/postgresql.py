"""A PostgreSQL server from Debian's package, in a folder of its own, while the tests run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.running import Running
from tests.support.server import free_port
from tests.support.waiting import until

# Debian does not put it on the PATH.
FOLDERS = [Path("/usr/lib/postgresql")]
NOBODY = 65_534


def find_programs() -> Path | None:
    """Return the folder of the newest server's programs, or None if none is installed."""
    found = [path.parent for folder in FOLDERS for path in folder.glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def programs_or_skip() -> Path:
    """Return the same; skip if there is none, and fail in CI, where it must run."""
    found = find_programs()
    if found is None:
        reason = "no PostgreSQL here: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class PostgresqlServer(Running):
    """A server on a socket and a port of 127.0.0.1. It accepts every user."""

    def __init__(self) -> None:
        self._programs = programs_or_skip()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        # The server refuses to run as root.
        self._as_nobody: list[str] = []
        if os.getuid() == 0:
            self._as_nobody = [
                *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
            ]
            os.chown(self._folder, NOBODY, NOBODY)
        self.port = free_port()
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        command = [str(self._programs / "initdb"), "-D", str(self._data), "-U", "shop", "--no-sync"]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C"]
        subprocess.run([*self._as_nobody, *command, *options], check=True, capture_output=True)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self._process is not None:
            return
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "max_connections": 60,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_nobody, self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
            )
        until(self._answers, timeout_s=60)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts every connection, SIGQUIT lets it recover at its next start."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(60)

    def close(self) -> None:
        """End it, and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self, *, options: str = "") -> str:
        """Return the URL of a new, empty database, over the socket."""
        name = f"shop_{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name}")
        return f"postgresql://shop@/{name}?host={self._folder}&port={self.port}{options}"

    def tcp(self, url: str, *, port: int | None = None) -> str:
        """Return the URL of the same database over TCP, through another port if one is given."""
        name = url.partition("@/")[2].partition("?")[0]
        return f"postgresql://shop@127.0.0.1:{port or self.port}/{name}"

    def ask(self, sql: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Return the result of a statement, executed as a database's owner."""
        with psycopg.connect(
            host=str(self._folder), port=self.port, user="shop", dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(sql, values or None)
            return [] if cursor.description is None else cursor.fetchall()

    def _answers(self) -> bool:
        assert self._process is not None
        log = self._folder / "log"
        assert self._process.poll() is None, log.read_text("utf-8", "replace")[-2_000:]
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Run a server from the beginning of a block to its end; skip if there is none."""
    server = PostgresqlServer()
    try:
        yield server
    finally:
        server.close()
