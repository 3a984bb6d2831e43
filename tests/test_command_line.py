"""The command line, as a script uses it: what it says and how it exits."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecommerce_core.__main__ import cli
from tests.peers import Peers, customer, products


class Shell:
    """Runs commands with the settings of one shop."""

    def __init__(self, folder: Path, peers: Peers) -> None:
        self.environment = {
            "ECOMMERCE_DATABASE": str(folder / "shop.db"),
            "ECOMMERCE_GATEWAY_URL": peers.url,
        }

    def run(self, *words: str, answer: str = "", **environment: str) -> Result:
        ours = {**self.environment, **environment}
        return CliRunner().invoke(cli, words, env=ours, input=answer)


@pytest.fixture
def shell(tmp_path: Path, peers: Peers) -> Shell:
    peers.serve_products(products(40))
    peers.serve_customers([customer(1)])
    return Shell(tmp_path, peers)


def test_sync_fetches_all_and_says_what_it_did(shell: Shell) -> None:
    result = shell.run("sync", "all")

    assert result.exit_code == 0
    assert "products sync succeeded: 40 fetched, 40 added" in result.output
    assert "customers sync succeeded: 1 fetched, 1 added" in result.output


def test_a_failed_sync_exits_with_1_and_names_the_peer(shell: Shell, peers: Peers) -> None:
    peers.bodies["crm"] = b"<html>"

    result = shell.run("sync", "customers")

    assert result.exit_code == 1
    assert "crm answered something that is no JSON" in result.output


def test_clear_asks_first_and_undo_brings_back(shell: Shell) -> None:
    shell.run("sync", "products")

    refused = shell.run("clear", "products", answer="n\n")
    assert refused.exit_code == 1
    assert "Clear 40 rows of products?" in refused.output
    assert "40 rows" in shell.run("status").output

    assert shell.run("clear", "products", answer="y\n").exit_code == 0
    assert "products   0 rows" in shell.run("status").output

    assert shell.run("undo", "products").exit_code == 0
    assert "products   40 rows" in shell.run("status").output


def test_a_held_run_is_confirmed_or_discarded_by_its_number(shell: Shell, peers: Peers) -> None:
    shell.run("sync", "products")
    peers.serve_products([])
    held = shell.run("sync", "products")
    assert held.exit_code == 1
    assert "would withdraw 40 of 40 rows" in held.output

    assert "discarded" in shell.run("discard", "2").output
    assert shell.run("confirm", "2").exit_code == 1

    shell.run("sync", "products")
    confirmed = shell.run("confirm", "3")
    assert confirmed.exit_code == 0
    assert "40 withdrawn" in confirmed.output


def test_runs_lists_the_journal_newest_first(shell: Shell) -> None:
    shell.run("sync", "products")
    shell.run("sync", "products")

    lines = shell.run("runs", "--limit", "2").output.splitlines()

    assert [line.split(":")[0] for line in lines] == ["run 2", "run 1"]


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (("sync", "orders"), {}, "'orders' is not one of"),
        (("sync", "all"), {"ECOMMERCE_GATEWAY_URL": ""}, "ECOMMERCE_GATEWAY_URL is not set"),
        (("status",), {"ECOMMERCE_TIMEOUT_S": "x"}, "ECOMMERCE_TIMEOUT_S is 'x'"),
        (("confirm", "0"), {}, "0 is not in the range"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_would_do(
    shell: Shell, words: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    result = shell.run(*words, **environment)

    assert result.exit_code == 2
    assert said in result.output


def test_a_store_that_cannot_be_used_exits_with_1(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary" * 1000)

    result = shell.run("status", ECOMMERCE_DATABASE=str(file))

    assert result.exit_code == 1
    assert "is no sound SQLite database" in result.output
