"""``export``: the rows that match a question, in every format, as a page's address asks it."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from ecommerce_core.cli import cli
from ecommerce_core.cli.common import Shop
from ecommerce_core.storage import Store
from tests.support.peers import SHOP, Peers, product

DEAR_TVS = "family=TV&price=11-&sort=-price"
FAMILIES = ("TV", "Frigos")


class Shell:
    def __init__(self, folder: Path, peers: Peers) -> None:
        self.database = folder / "shop.db"
        self._environment = {
            "ECOMMERCE_DATABASE": str(self.database),
            "ECOMMERCE_GATEWAY_URL": peers.url,
        }

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, words, env=self._environment, obj=Shop(SHOP))


@pytest.fixture
def shell(tmp_path: Path, peers: Peers) -> Shell:
    """Return a shop with ten products at 10 to 19 euros."""
    peers.serve_products(
        [
            product(n, price=1_000 + 100 * n, familleProduit=FAMILIES[n % 2], quantiteMin=n)
            for n in range(10)
        ]
    )
    shell = Shell(tmp_path, peers)
    assert shell.run("sync", "products").exit_code == 0
    return shell


def test_a_question_is_answered_in_csv_on_stdout(shell: Shell) -> None:
    result = shell.run("export", "products", DEAR_TVS)
    table = pd.read_csv(BytesIO(result.stdout_bytes))

    assert list(table["code"]) == ["X1-8", "X1-6", "X1-4", "X1-2"]
    assert list(table["price_eur"]) == [18.0, 16.0, 14.0, 12.0]


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet", "xlsx"])
def test_every_format_has_the_same_rows_in_a_file(
    shell: Shell, tmp_path: Path, file_format: str
) -> None:
    file = tmp_path / "rows"
    question = "family.not=TV&minimum.outside=3-5"
    result = shell.run(
        "export", "products", question, "--format", file_format, "--output", str(file)
    )
    readers: dict[str, Any] = {
        "csv": pd.read_csv,
        "json": lambda path: pd.DataFrame(json.loads(path.read_text("utf-8"))),
        "parquet": pd.read_parquet,
        "xlsx": pd.read_excel,
    }

    assert (result.exit_code, result.output) == (0, "")
    assert list(readers[file_format](file)["code"]) == ["X1-1", "X1-7", "X1-9"]


def test_rows_are_asked_for_by_the_run_that_changed_them(shell: Shell, peers: Peers) -> None:
    peers.serve_products([product(n, price=1_000 + 100 * n) for n in range(12)])
    shell.run("sync", "products")

    table = pd.read_csv(BytesIO(shell.run("export", "products", "new=last").stdout_bytes))
    assert list(table["code"]) == ["X1-10", "X1-11"]


def test_what_makes_no_sense_is_named_and_nothing_is_written(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    result = shell.run("export", "products", "famly=TV", "--output", str(file))

    assert result.exit_code == 2
    assert "famly=TV" in result.output
    assert not file.exists()


def test_an_export_is_in_the_audit_with_its_rows(shell: Shell) -> None:
    shell.run("export", "products", DEAR_TVS)

    [entry] = [e for e in Store(shell.database).list_audit() if e.action == "rows_exported"]
    assert (entry.subject, entry.details["rows"]) == ("products.csv", 4)
