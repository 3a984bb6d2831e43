"""Programs that drive the pages: refused by default, analysts if they are admitted."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.settings import PROJECT_ROOT
from ecommerce_core.storage import Store
from tests.support.oidc_provider import Provider
from tests.support.server import Server, Session, free_port, running_server

AGENT = ("--server.enableAgentApi=true",)
TRUSTED = ('--server.trustedUserHeaders={"X-User-Email": "email"}',)
CHANGING = (
    "fetch_",
    "clear_",
    "undo_",
    "confirm",
    "discard",
    "add_task",
    "delete",
    "deliver_again",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store]]:
    """Yield a full shop that admits agents, with their default role."""
    folder = tmp_path_factory.mktemp("agents")
    environment = {"ECOMMERCE_AGENT_ROLE": "", "ECOMMERCE_SANDBOX_PRODUCTS": "30"}
    with running_server(folder, environment, options=AGENT) as server:
        assert requests.post(server.page("add-auto"), timeout=30).status_code == 200
        yield server, Store(folder / "ecommerce.db")


def keys_of(tree: dict[str, Any]) -> set[str]:
    return {str(tree.get("key"))}.union(*(keys_of(child) for child in tree.get("children", [])))


def elements(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for child in tree.get("children", []):
        yield from elements(child)


def call_tool(server: Server, **arguments: Any) -> dict[str, Any]:
    """Ask the MCP server to interact with the pages; return its answer."""
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "interact", "arguments": arguments},
    }
    headers = {"Accept": "application/json, text/event-stream"}
    answer = requests.post(
        server.page("_stcore/agent/mcp"), json=message, headers=headers, timeout=60
    )
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


def test_no_configuration_of_ours_lets_agents_in() -> None:
    config = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text("utf-8"))

    assert not [name for name in config["server"] if "agent" in name.lower()]
    for file in (PROJECT_ROOT / "deploy").rglob("*"):
        assert file.is_dir() or "enableAgentApi" not in file.read_text("utf-8"), file.name


def test_by_default_agents_are_not_let_in(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for route in ("interact", "mcp"):
            answer = requests.post(
                server.page(f"_stcore/agent/{route}"), json={"page": "products"}, timeout=30
            )
            assert answer.status_code == 404, answer.text
            assert "tree" not in answer.text


PAGES = ["", "products", "customers", "scheduler", "activity", "explore", "help"]
# Those on which nobody changes anything do not say that an analyst may not.
SILENT = {"activity", "explore", "help"}


@pytest.mark.parametrize("page", PAGES)
def test_an_agent_reads_every_page_and_finds_nothing_to_change(
    shop: tuple[Server, Store], page: str
) -> None:
    session = Session(shop[0], page)

    assert [key for key in keys_of(session.last["tree"]) if key.startswith(CHANGING)] == []
    assert "Read-only access: you can view and export." in session.text() or page in SILENT


def test_an_agent_reads_a_table(shop: tuple[Server, Store]) -> None:
    table = Session(shop[0], "products").element("products_table")

    assert table is not None
    assert "X1-0" in str(table["data"])


def test_an_agent_by_mcp_asks_in_sql_and_reads_what_can_be_asked(
    shop: tuple[Server, Store],
) -> None:
    server, _store = shop
    sql = "SELECT count(*) AS n, min(price_eur) AS least FROM products"

    [first] = call_tool(server, page="explore", query_params={"mode": ["sql"]})["content"]
    session_id = json.loads(first["text"])["session_id"]
    asked = {"widget_state": {"explore_sql": sql}, "trigger": {"key": "run_sql"}}
    [second] = call_tool(server, session_id=session_id, **asked)["content"]
    told = json.loads(second["text"])

    [table] = [e for e in elements(told["tree"]) if e.get("key") == "explore_table"]
    assert [column["name"] for column in table["data"]["columns"]] == ["n", "least"]
    assert table["data"]["preview"]["rows"][0][0] == 30
    assert told["query_params"]["sql"] == [sql]
    assert "price_eur" in str(told["tree"])


def test_an_agent_is_refused_what_is_no_read(shop: tuple[Server, Store]) -> None:
    server = shop[0]
    [first] = call_tool(server, page="explore", query_params={"mode": ["sql"]})["content"]
    asked = {"widget_state": {"explore_sql": "DROP TABLE x"}, "trigger": {"key": "run_sql"}}
    [second] = call_tool(server, session_id=json.loads(first["text"])["session_id"], **asked)[
        "content"
    ]

    told = json.loads(second["text"])
    assert [e for e in elements(told["tree"]) if e["type"] == "error"]
    assert not [e for e in elements(told["tree"]) if e.get("key") == "explore_table"]


def test_an_agents_forged_click_is_refused_and_nothing_runs(shop: tuple[Server, Store]) -> None:
    server, store = shop
    session, before = Session(server, "products"), store.newest_run_id()
    forged = {"session_id": session.last["session_id"], "trigger": {"key": "fetch_products"}}

    answer = requests.post(server.page("_stcore/agent/interact"), json=forged, timeout=60)

    assert answer.status_code >= 400
    assert "fetch_products" in answer.text
    assert store.newest_run_id() == before


def test_an_agent_by_mcp_reads_finds_nothing_to_change_and_cannot_forge_a_click(
    shop: tuple[Server, Store],
) -> None:
    server, store = shop
    before = store.newest_run_id()

    result = call_tool(server, page="products")
    [told] = [json.loads(part["text"]) for part in result["content"]]
    forged = call_tool(server, session_id=told["session_id"], trigger={"key": "fetch_products"})

    assert "X1-0" in str(told["tree"])
    assert [key for key in keys_of(told["tree"]) if key.startswith(CHANGING)] == []
    assert forged["isError"]
    assert store.newest_run_id() == before


def test_a_setting_makes_agents_operators_and_the_journal_says_that_one_did_it(
    tmp_path: Path,
) -> None:
    environment = {"ECOMMERCE_AGENT_ROLE": "operator", "ECOMMERCE_SANDBOX_PRODUCTS": "30"}
    with running_server(tmp_path, environment, options=AGENT) as server:
        session = Session(server, "products")
        session.click("fetch_products")
        run = Store(tmp_path / "ecommerce.db").last_run("products")

    assert run is not None
    assert run.actor == "agent"


def test_where_people_sign_in_an_agent_that_nobody_names_sees_no_data(tmp_path: Path) -> None:
    port = free_port()
    with Provider({}) as provider:
        secrets = provider.write_secrets(tmp_path, server_url=f"http://127.0.0.1:{port}")
        options = (*AGENT, *TRUSTED, f"--secrets.files={secrets}")
        environment = {"ECOMMERCE_AGENT_ROLE": "", "ECOMMERCE_OPERATORS": "ada@shop.example"}
        with running_server(tmp_path, environment, options=options, port=port) as server:
            assert requests.post(server.page("add-auto"), timeout=30).status_code == 200
            nameless = Session(server, "products")
            named = requests.post(
                server.page("_stcore/agent/interact"),
                json={"page": "products"},
                headers={"X-User-Email": "ada@shop.example"},
                timeout=60,
            ).json()

    assert "X1-" not in nameless.text()
    assert nameless.element("sign_in") is not None
    assert "X1-0" in str(named["tree"])
    assert [key for key in keys_of(named["tree"]) if key.startswith(CHANGING)] == []
