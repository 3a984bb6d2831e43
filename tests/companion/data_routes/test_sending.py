"""Clients that read a file slowly or not at all, and files that do not fit, affect nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bench_rows import filled
from ecommerce_core.application import Application
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.settings import PROJECT_ROOT, Settings
from tests.companion.data_routes.shop import DataServer, serving
from tests.support.waiting import until

ROWS = 200_000
SEND_TIMEOUT_S = 1.0
FEW_BYTES = 100_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database whose files are larger than a connection's buffers."""
    folder = tmp_path_factory.mktemp("large")
    return filled(folder, ROWS).path


@pytest.fixture
def large(database: Path) -> Iterator[DataServer]:
    application = Application.open(Settings(database=database), gateway_url="http://127.0.0.1:9")
    application.snapshots.publish(PRODUCTS)
    with serving(application, send_timeout_s=SEND_TIMEOUT_S) as running:
        yield running


def begin(served: DataServer, address: str, *, receive_bytes: int | None = None) -> socket.socket:
    """Send a request and do not read its answer."""
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.connect(("127.0.0.1", served.served.port))
    connection.sendall(f"GET /ecommerce/{address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return connection


def open_files(served: DataServer) -> list[str]:
    """List this process's open files that were made for answers and use disk space."""
    folder = str(served.application.snapshots.folder)
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target, size = os.readlink(descriptor), descriptor.stat().st_size
        except OSError:
            continue
        if target.startswith(f"{folder}/spill-") and size > FEW_BYTES:
            found.append(target)
    return found


def test_who_hangs_up_while_a_file_is_made_ends_the_work(large: DataServer) -> None:
    with begin(large, "products.xlsx"):
        until(lambda: open_files(large))

    # Making it takes half a minute: the next one begins when the one before it has ended.
    until(lambda: not open_files(large), timeout_s=10)
    assert large.get("customers.xlsx").status == 200


def test_who_hangs_up_while_waiting_for_another_file_is_forgotten(large: DataServer) -> None:
    with begin(large, "products.xlsx"):
        until(lambda: open_files(large))
        with begin(large, "products.xlsx?sort=price"):
            pass
    until(lambda: not open_files(large), timeout_s=10)

    assert large.get("customers.xlsx").status == 200


def test_who_hangs_up_in_the_middle_of_a_file_leaves_nothing_open(large: DataServer) -> None:
    with begin(large, "products.csv") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")

    until(lambda: not open_files(large))


def test_a_slow_reader_holds_nobody_up_and_is_given_up(large: DataServer) -> None:
    with begin(large, "products.csv", receive_bytes=4_096):
        until(lambda: open_files(large))
        for file_format in ("csv", "parquet", "json"):
            assert large.get(f"products.{file_format}").status == 200
        until(lambda: not open_files(large))


def test_a_server_that_stops_waits_for_no_reader(database: Path) -> None:
    application = Application.open(Settings(database=database), gateway_url="http://127.0.0.1:9")
    application.snapshots.publish(PRODUCTS)
    with (
        serving(application) as served,
        begin(served, "products.csv", receive_bytes=4_096),
        begin(served, "products.xlsx"),
    ):
        until(lambda: len(open_files(served)) >= 2)
        served.companion.release()
        until(lambda: not open_files(served), timeout_s=10)
        assert served.get("products.csv").status == 503


def test_rows_that_do_not_fit_into_little_memory_are_sorted_in_more(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.companion.data_routes.routes.MEMORY_MB", 8)
    application = Application.open(Settings(database=database), gateway_url="http://127.0.0.1:9")
    application.snapshots.publish(PRODUCTS)
    with serving(application) as served:
        body = served.get("products.csv?sort=-description&columns=description").body

    texts = body.decode("utf-8-sig").splitlines()[1:]
    assert len(texts) == served.application.reader.totals(PRODUCTS).current
    plain = [text for text in texts if text.startswith("Plain text of product 96 ")]
    assert plain
    assert plain == sorted(plain, reverse=True)


FULL_DISK = """
import resource, sys
from pathlib import Path
from ecommerce_core.application import Application
from ecommerce_core.settings.settings import Settings
from tests.companion.data_routes.shop import serving

limit = int(sys.argv[2])
application = Application.open(Settings(database=Path(sys.argv[1])), gateway_url="http://x.invalid")
with serving(application) as served:
    before = served.get("products.csv?size=1").status
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    found = [served.get(f"products.{name}").status for name in sys.argv[3:]]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(before, *found, served.get("products.csv?size=1").status)
"""


def test_a_full_disk_is_an_answer_and_nothing_is_left(large: DataServer, database: Path) -> None:
    formats = ["csv", "json", "parquet", "xlsx", "wire.json"]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(database), "100000", *formats],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        timeout=120,
        check=True,
    )

    assert done.stdout.split() == ["200", "503", "503", "503", "503", "503", "200"]
    left = [path.name for path in large.application.snapshots.folder.iterdir()]
    assert [name for name in left if not name.endswith(".duckdb")] == [
        name for name in left if name.startswith("spill-")
    ]
