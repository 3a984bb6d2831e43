"""The command line on a database of PostgreSQL: doctor, backup, restore, copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecommerce_core.cli import cli
from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.storage import Store, open_store
from tests.support.peers import Peers, products
from tests.support.postgresql import PostgresqlServer
from tests.support.rows import put


@pytest.fixture
def database(postgresql: PostgresqlServer) -> str:
    return postgresql.new_database()


def run(*command: str, database: str = "", folder: Path, gateway: str = "") -> Result:
    environment = {
        "ECOMMERCE_DATABASE": database,
        "ECOMMERCE_SNAPSHOT_DIR": str(folder / "here"),
        "ECOMMERCE_GATEWAY_URL": gateway,
    }
    return CliRunner().invoke(cli, list(command), env=environment)


def test_a_sync_is_stored_on_the_server(database: str, peers: Peers, tmp_path: Path) -> None:
    peers.serve_products(products(12))

    done = run("sync", "products", database=database, folder=tmp_path, gateway=peers.url)
    status = run("status", "--json", database=database, folder=tmp_path, gateway=peers.url)

    assert done.exit_code == 0, done.output
    said = json.loads(status.output)
    assert said["datasets"]["products"]["rows"] == 12
    assert said["database"].startswith("postgresql://")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_copy_as_a_file_is_the_servers_own_business(
    database: str, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "file.db"
    if command == "restore":
        file.write_bytes(b"x")

    done = run(command, str(file), database=database, folder=tmp_path)

    assert done.exit_code == 1
    assert "pg_dump" in done.output
    assert command == "restore" or not file.exists()


def test_doctor_finds_a_server_that_will_do(database: str, peers: Peers, tmp_path: Path) -> None:
    open_store(tmp_path / "x", url=database).close()

    done = run("doctor", "--json", database=database, folder=tmp_path, gateway=peers.url)

    checks = {(one["subject"], one["step"]): one["verdict"] for one in json.loads(done.output)}
    steps = ("connect", "version", "encoding", "collation", "rights", "tables")
    assert {step: checks["store", step] for step in steps} == dict.fromkeys(steps, "ok")
    assert checks["backups", "newest"] == "note"


def test_doctor_names_what_a_database_lacks(
    postgresql: PostgresqlServer, peers: Peers, tmp_path: Path
) -> None:
    postgresql.ask("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    postgresql.ask("CREATE ROLE reader LOGIN")
    url = postgresql.new_database().replace("shop@", "reader@")
    latin = postgresql.tcp("x@/latin?")

    rights = run("doctor", "--json", database=url, folder=tmp_path, gateway=peers.url)
    encoding = run("doctor", "--json", database=latin, folder=tmp_path, gateway=peers.url)
    gone = run("doctor", "--json", database=f"{latin}_no", folder=tmp_path, gateway=peers.url)

    for done, step in ((rights, "rights"), (encoding, "encoding"), (gone, "connect")):
        wrong = [one["step"] for one in json.loads(done.output) if one["verdict"] == "wrong"]
        assert step in wrong
        assert done.exit_code == 1


def test_a_shop_is_copied_to_a_server_once(database: str, tmp_path: Path) -> None:
    put(Store.open(tmp_path / "shop.db"), products(7))
    source = f"sqlite:///{tmp_path / 'shop.db'}"

    done = run("copy", source, database, folder=tmp_path)
    again = run("copy", source, database, folder=tmp_path)

    assert done.exit_code == 0, done.output
    assert again.exit_code == 1
    store = open_store(tmp_path / "x", url=database)
    assert store.totals(PRODUCTS).current == 7
    store.close()
