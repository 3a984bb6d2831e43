"""The command line as a script uses it: its output and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from ecommerce_core import __version__
from ecommerce_core.cli import cli
from ecommerce_core.cli.common import Shop
from ecommerce_core.domain import Alert, AlertCode, AuditAction, NewAuditEntry
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import PROJECT_ROOT
from ecommerce_core.storage import AlertRecord, Store
from tests.support.peers import SHOP, Peers, customer, products
from tests.support.receivers import Webhook
from tests.support.server import free_port, running_server


class Shell:
    """Runs commands with the settings of one shop."""

    def __init__(self, folder: Path, peers: Peers) -> None:
        self.environment = {
            "ECOMMERCE_DATABASE": str(folder / "shop.db"),
            "ECOMMERCE_GATEWAY_URL": peers.url,
        }

    def run(self, *words: str, answer: str = "", **environment: str) -> Result:
        ours = {**self.environment, **environment}
        return CliRunner().invoke(cli, words, env=ours, input=answer, obj=Shop(SHOP))

    def json(self, *words: str) -> Any:
        """Return a command's JSON output."""
        result = self.run(*words, "--json")
        return json.loads(result.stdout)


@pytest.fixture
def shell(tmp_path: Path, peers: Peers) -> Shell:
    peers.serve_products(products(40))
    peers.serve_customers([customer(1)])
    return Shell(tmp_path, peers)


def test_sync_fetches_all_and_says_what_it_did(shell: Shell) -> None:
    result = shell.run("sync", "all")

    assert result.exit_code == 0
    assert "products fetch succeeded: 40 fetched, 40 added" in result.output
    assert "customers fetch succeeded: 1 fetched, 1 added" in result.output


def test_a_failed_sync_exits_with_1_and_names_the_peer(shell: Shell, peers: Peers) -> None:
    peers.bodies["crm"] = b"<html>"

    result = shell.run("sync", "customers")

    assert result.exit_code == 1
    assert "crm sent something that is not JSON" in result.output


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
        (("doctor",), {"ECOMMERCE_GATEWAY_URL": ""}, "ECOMMERCE_GATEWAY_URL is not set"),
        (("restore", "no-such.db"), {}, "'no-such.db' does not exist"),
        (("tasks", "add", "products"), {}, "One of --at and --in"),
        (("tasks", "add", "products", "--in", "2 hours"), {}, "is no number with s, m, h, d or w"),
        (("tasks", "delete"), {}, "Either NAME or --all"),
        (("runs", "--status", "fine"), {}, "'fine' is not one of 'running'"),
        (("sandbox", "--app-url", "here"), {}, "an address such as"),
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


def test_help_names_every_command_and_the_exit_codes() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output

    for command in cli.commands:
        assert f"\n  {command} " in said
        assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0
    for line in ("0  done", "1  a peer, the store or the run failed", "2  wrong use"):
        assert line in said


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert __version__ == project["version"]
    assert __version__ in CliRunner().invoke(cli, ["--version"]).output


def test_sync_and_runs_speak_json(shell: Shell) -> None:
    [products_run, customers_run] = shell.json("sync", "all")
    assert products_run["counts"]["added"] == 40
    assert (customers_run["dataset"], customers_run["trigger"]) == ("customers", "cli")
    datetime.fromisoformat(customers_run["finished_at"])

    shell.run("sync", "products")
    assert [run["status"] for run in shell.json("runs", "--dataset", "products")] == [
        "unchanged",
        "succeeded",
    ]
    assert [run["id"] for run in shell.json("runs", "--status", "unchanged")] == [3]


def test_status_tells_what_waits_for_a_decision_or_can_be_undone(
    shell: Shell, peers: Peers
) -> None:
    shell.run("sync", "products")
    peers.serve_products([])
    shell.run("sync", "products")
    said = shell.run("status").output
    assert "run 2 is held: `confirm 2` or `discard 2`" in said

    shell.run("clear", "products", "--yes")
    assert "40 rows were cleared: `undo products` brings them back" in shell.run("status").output


def test_status_tells_peers_and_clock_and_ends_well_where_one_is_down(
    shell: Shell, peers: Peers
) -> None:
    peers.bodies["scheduler"] = b'["07/01/2019-01:23:20", 50, true]'
    del peers.bodies["crm"]

    result = shell.run("status")
    assert result.exit_code == 0
    assert "catalogue-produit: answers" in result.output
    assert "crm: the gateway has no route for crm" in result.output
    assert "clock      2019-01-07T01:23:20, speed 50, paused" in result.output

    said = shell.json("status")
    assert said["clock"] == {"simulated_at": "2019-01-07T01:23:20", "speed": 50, "paused": True}
    assert said["peers"]["catalogue-produit"] == {
        "answers": True,
        "error": None,
        "code": None,
        "details": {},
    }
    assert said["peers"]["crm"]["answers"] is False
    assert said["peers"]["crm"]["code"] == "no_route"
    assert said["peers"]["crm"]["details"] == {"peer": "crm", "status": 404}
    assert said["datasets"]["products"]["last_run"] is None


def test_backup_and_restore_bring_back_what_was_there(shell: Shell, tmp_path: Path) -> None:
    file = str(tmp_path / "copy.db")
    shell.run("sync", "products")
    made = shell.run("backup", file)
    assert made.exit_code == 0
    assert "checked, in" in made.output
    assert "already exists" in shell.run("backup", file).output
    assert shell.run("backup", file, "--force").exit_code == 0
    shell.run("clear", "products", "--yes")
    shell.run("sync", "customers")

    assert shell.run("restore", file, answer="n\n").exit_code == 1
    assert shell.json("status")["datasets"]["products"]["rows"] == 0

    restored = shell.run("restore", file, "--yes")
    assert restored.exit_code == 0
    assert "what it held before is in" in restored.output
    assert shell.json("status")["datasets"]["products"]["rows"] == 40
    assert shell.json("status")["datasets"]["customers"]["rows"] == 0


@pytest.fixture
def sandboxed(tmp_path: Path) -> Iterator[tuple[Shell, Sandbox]]:
    """Yield a shell whose gateway is a sandbox with a clock that stands still."""
    with Sandbox(products=30, customers=10, tick_s=None, admin_port=0) as sandbox:
        shell = Shell.__new__(Shell)
        shell.environment = {
            "ECOMMERCE_DATABASE": str(tmp_path / "ecommerce.db"),
            "ECOMMERCE_GATEWAY_URL": sandbox.url,
        }
        yield shell, sandbox


def test_tasks_are_added_listed_and_deleted(sandboxed: tuple[Shell, Sandbox]) -> None:
    shell, sandbox = sandboxed
    now = sandbox.scheduler.now().replace(microsecond=0)

    added = shell.run("tasks", "add", "products", "--in", "2h", "--every", "hour")
    assert added.exit_code == 0, added.output
    at = now + timedelta(days=1)
    shell.run("tasks", "add", "customers", "--at", str(at))
    sandbox.scheduler.add(
        {"target_url": "x", "target_app": "crm", "time": at.strftime("%d/%m/%Y-%H:%M:%S")}
        | {"recurrence": "none", "data": "", "source_app": "crm", "name": "theirs"}
    )

    tasks = shell.json("tasks", "list", "--ours")
    assert [(task["name"], task["recurrence"]) for task in tasks] == [
        ("get_products", "hour"),
        ("get_customers", "none"),
    ]
    assert tasks[0]["next_fire_time"] == (now + timedelta(hours=2)).isoformat()
    assert tasks[1]["next_fire_time"] == at.isoformat()
    said = shell.run("tasks", "list").output
    assert "theirs" in said
    assert "calls e-commerce ecommerce/add-auto)" in said
    assert (tasks[0]["application"], tasks[0]["path"]) == ("e-commerce", "ecommerce/add-auto")

    assert shell.run("tasks", "delete", "get_products", answer="n\n").exit_code == 1
    assert "deleted 1 tasks" in shell.run("tasks", "delete", "get_products", "--yes").output
    assert "deleted 1 tasks" in shell.run("tasks", "delete", "--all", "--yes").output
    assert [task["name"] for task in shell.json("tasks", "list")] == ["theirs"]


def test_an_odd_task_is_listed_as_far_as_it_can_be(sandboxed: tuple[Shell, Sandbox]) -> None:
    shell, sandbox = sandboxed
    sandbox.scheduler.add({"target_url": "x", "time": "08/01/2030-00:00:00"})

    said = shell.run("tasks", "list").output
    assert "2030-01-08 00:00:00  none    default  (of Unknown, calls - x)" in said
    assert "odd: no_application" in said
    (task,) = shell.json("tasks", "list")
    assert (task["application"], task["path"], task["oddities"]) == (None, "x", ["no_application"])
    status = shell.json("status")["peers"]["scheduler"]
    assert {name: status[name] for name in ("answers", "error", "clock", "tasks")} == {
        "answers": True,
        "error": None,
        "clock": True,
        "tasks": True,
    }


def test_a_task_in_the_past_is_refused_before_it_is_sent(sandboxed: tuple[Shell, Sandbox]) -> None:
    shell, _ = sandboxed
    result = shell.run("tasks", "add", "products", "--at", "2001-01-01 00:00")

    assert result.exit_code == 1
    assert "is not ahead of the simulated clock" in result.output
    assert shell.json("tasks", "list") == []


def steps(checks: Any) -> dict[tuple[str, str], Any]:
    return {(check["subject"], check["step"]): check for check in checks}


def test_the_doctor_finds_a_healthy_system_healthy(
    sandboxed: tuple[Shell, Sandbox], tmp_path: Path
) -> None:
    shell, sandbox = sandboxed
    port = free_port()
    shell.environment |= {
        "ECOMMERCE_GATEWAY_ADMIN_URL": str(sandbox.admin_url),
        "ECOMMERCE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ECOMMERCE_BACKUP_DIR": str(tmp_path / "backups"),
    }
    with running_server(tmp_path, shell.environment, port=port) as server:
        for _ in range(100):
            health = requests.get(server.page("healthz"), timeout=10).json()
            if health["registration"]["at"] and health["backups"]["last_at"]:
                break
        result = shell.run("doctor")
        checks = steps(shell.json("doctor"))
        refused = shell.run("restore", str(next((tmp_path / "backups").glob("*.db"))), "--yes")

    assert result.exit_code == 0, result.output
    assert "0 wrong" in result.output
    assert {check["verdict"] for check in checks.values()} == {"ok"}
    for peer in ("catalogue-produit", "crm", "scheduler", "e-commerce"):
        for step in ("name", "connect", "first byte", "contract"):
            assert (peer, step) in checks
    assert checks["crm", "contract"]["detail"] == "10 records, all can be taken"
    assert refused.exit_code == 1
    assert "in use by a server or a command: stop it first" in refused.output


def test_the_doctor_names_what_is_wrong_step_by_step_and_what_would_help(
    shell: Shell, peers: Peers
) -> None:
    peers.bodies["crm"] = b"<html>"
    peers.bodies["catalogue-produit"] = b'{"produits": [{"codeProduit": 1}]}'

    result = shell.run("doctor")
    checks = steps(shell.json("doctor"))

    assert result.exit_code == 1
    assert checks["crm", "first byte"]["verdict"] == "ok"
    assert checks["crm", "contract"]["verdict"] == "wrong"
    assert checks["crm", "contract"]["code"] == "answer_not_json"
    assert checks["crm", "contract"]["advice"].endswith("ECOMMERCE_CRM_PATH is api/data.")
    assert checks["catalogue-produit", "contract"]["verdict"] == "wrong"
    assert checks["scheduler", "name"]["verdict"] == "wrong"
    assert checks["scheduler", "name"]["code"] == "no_route"
    advice = "Add a route for this service to the gateway, then fetch again."
    assert checks["scheduler", "name"]["advice"] == advice
    assert checks["e-commerce", "name"]["verdict"] == "wrong"
    assert ("scheduler", "contract") not in checks
    assert f"→ {advice}" in result.output


@pytest.mark.parametrize(
    ("url", "step", "advice"),
    [
        ("http://no-such-name.invalid:8000", "name", "check ECOMMERCE_GATEWAY_URL"),
        (f"http://127.0.0.1:{free_port()}", "connect", "start the gateway"),
    ],
    ids=["no name", "no server"],
)
def test_the_doctor_stops_at_a_gateway_that_is_not_there(
    shell: Shell, url: str, step: str, advice: str
) -> None:
    result = shell.run("doctor", ECOMMERCE_GATEWAY_URL=url)

    assert result.exit_code == 1
    assert f"WRONG gateway {step}" in result.output
    assert advice in result.output
    assert "crm" not in result.output


def test_the_doctor_examines_a_store_that_nothing_else_would_open(
    shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "shop.db"
    file.write_text("Dear diary" * 1000)

    assert "WRONG store file" in shell.run("doctor").output
    assert file.read_text() == "Dear diary" * 1000


def test_progress_is_for_terminals_and_a_pipe_stays_quiet(shell: Shell, peers: Peers) -> None:
    command = [sys.executable, "-m", "ecommerce_core", "sync", "products"]
    environment = {**os.environ, **shell.environment}
    piped = subprocess.run(
        command, env=environment, cwd=PROJECT_ROOT, capture_output=True, check=True
    )
    assert piped.stderr == b""
    assert piped.stdout.startswith(b"run 1: products fetch succeeded")

    ours, theirs = pty.openpty()
    peers.gate.clear()
    with subprocess.Popen(
        command, env=environment, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=theirs
    ) as shown:
        os.close(theirs)
        said = b""
        while b"products downloading, 0." not in said:
            said += os.read(ours, 65_536)
        peers.gate.set()
        result, _ = shown.communicate(timeout=30)
        said += os.read(ours, 65_536)
    os.close(ours)
    assert said.endswith(b"\x1b[K"), "the line is wiped"
    assert result.startswith(b"run 2: products fetch unchanged")


def test_undo_all_brings_back_what_there_is_and_says_what_there_is_not(shell: Shell) -> None:
    shell.run("sync", "all")
    shell.run("clear", "customers", "--yes")

    result = shell.run("undo", "all")

    assert result.exit_code == 1
    assert "no cleared rows of products" in result.output
    assert "customers  1 rows" in shell.run("status").output


def test_a_backup_of_a_database_that_is_not_there_is_no_backup(
    shell: Shell, tmp_path: Path
) -> None:
    missing = tmp_path / "typo" / "shop.db"

    result = shell.run("backup", str(tmp_path / "copy.db"), ECOMMERCE_DATABASE=str(missing))

    assert result.exit_code == 1
    assert "is not there" in result.output
    assert not missing.parent.exists()


def test_an_empty_source_deletes_nothing(shell: Shell) -> None:
    result = shell.run("tasks", "delete", "--all", "--source", "", "--yes")

    assert result.exit_code == 2
    assert "--source is empty" in result.output


def test_alerts_are_listed_as_the_server_has_noted_them(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("alerts", "list").output == ""
    since_at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    held = Alert(AlertCode.ANSWER_HELD, "products", since_at, ("products",), {"run": 3})
    over = AlertRecord(0, replace(held, subject="customers"), since_at, since_at)
    Store.open(tmp_path / "shop.db").record_alerts([over, AlertRecord(0, held)])

    assert "warning  A fetch is held: products (answer_held)" in shell.run("alerts", "list").output
    [told] = shell.json("alerts", "list")
    assert told == {
        "code": "answer_held",
        "severity": "warning",
        "subject": "products",
        "datasets": ["products"],
        "since": "2026-03-02T09:00:00+00:00",
        "over_since": None,
        "details": {"run": 3},
    }
    assert len(shell.json("alerts", "list", "--all")) == 2


def test_a_test_message_ends_with_1_unless_every_service_took_it(shell: Shell) -> None:
    unset = shell.run("alerts", "test")
    assert (unset.exit_code, "ECOMMERCE_ALERT_URLS" in unset.output) == (2, True)
    with Webhook() as hook:
        well = shell.run("alerts", "test", ECOMMERCE_ALERT_URLS=hook.url)
        assert (well.exit_code, well.output) == (0, "json (1): sent\n")
        dead = f"{hook.url} json://127.0.0.1:{free_port()}/"
        ill = shell.run("alerts", "test", ECOMMERCE_ALERT_URLS=dead)
        assert ill.exit_code == 1
        assert hook.titles == ["[e-commerce] Test message"] * 2


def test_a_url_that_is_no_service_is_refused_without_a_word_of_it(shell: Shell) -> None:
    refused = shell.run("alerts", "test", ECOMMERCE_ALERT_URLS="nonsense://hunter2")
    assert refused.exit_code == 2
    assert "number 1" in refused.output
    assert "hunter2" not in refused.output


def test_the_audit_is_listed_for_people_and_programs(shell: Shell, tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    store = Store.open(tmp_path / "shop.db")
    store.record_audit(NewAuditEntry(at, AuditAction.ROWS_EXPORTED, "ada", "products.csv"))
    store.record_audit(NewAuditEntry(at, AuditAction.CLOCK_SPEED_SET, None, "", {"speed": 7}))

    assert shell.run("audit").output.splitlines() == [
        "2026-03-02T09:00:00+00:00  -  clock speed set   (speed 7)",
        "2026-03-02T09:00:00+00:00  ada  rows exported  products.csv",
    ]
    [only] = shell.json("audit", "--actor", "ada")
    assert (only["action"], only["subject"]) == ("rows_exported", "products.csv")
    assert shell.json("audit", "--action", "signed_in") == []


@pytest.mark.parametrize("arguments", [["runs", "--json"], ["status"], ["--help"]])
def test_an_output_that_cannot_be_written_is_told_in_one_line(
    shell: Shell, arguments: list[str]
) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "ecommerce_core", *arguments],
            env={**os.environ, **shell.environment},
            cwd=PROJECT_ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["the output cannot be written: No space left on device"]
