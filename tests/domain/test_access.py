"""Permissions: roles from a provider's claims, checked by the application, kept in the journal."""

from __future__ import annotations

import ast
import inspect
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.cli import cli
from ecommerce_core.domain import (
    ANONYMOUS,
    SCHEDULER,
    Access,
    Actor,
    Permission,
    Recurrence,
    Role,
    Task,
    Trigger,
    escape,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.domain.errors import NotAllowed
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.scheduler import SchedulerControl
from ecommerce_core.settings import PROJECT_ROOT, Settings
from pages.ui import current_application
from tests.support.page_session import NAVIGATION, PAGES, Page
from tests.support.peers import Peers, customer, products
from tests.support.waiting import until

ADA = Actor("ada@shop.example", Role.OPERATOR)
ANNE = Actor("anne@shop.example", Role.ANALYST)
SIGNED_IN_SHOP = Access(
    providers=("default",),
    operators=("ada@shop.example",),
    operator_claim=("groups", "shop-operators"),
)


# --- roles from claims


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"email": "ada@shop.example"}, Role.OPERATOR),
        ({"email": "Ada@Shop.Example", "email_verified": True}, Role.OPERATOR),
        ({"email": "ada@shop.example", "email_verified": False}, Role.ANALYST),
        ({"email": "ada@shop.example", "email_verified": "false"}, Role.ANALYST),
        ({"email": "ada@shop.example", "email_verified": None}, Role.ANALYST),
        ({"email": "anne@shop.example"}, Role.ANALYST),
        ({"email": "anne@shop.example", "groups": ["shop-operators", "x"]}, Role.OPERATOR),
        ({"email": "anne@shop.example", "groups": "shop-operators"}, Role.OPERATOR),
        ({"email": "anne@shop.example", "groups": "no-shop-operators"}, Role.ANALYST),
        ({"email": "anne@shop.example", "groups": ["shop-operators-of-yore"]}, Role.ANALYST),
        ({"email": "anne@shop.example", "groups": None}, Role.ANALYST),
        ({"sub": "7"}, Role.ANALYST),
        ({"email": ""}, Role.ANALYST),
    ],
)
def test_the_role_comes_from_a_verified_address_or_the_claim(
    claims: dict[str, object], role: Role
) -> None:
    actor = SIGNED_IN_SHOP.actor({"is_logged_in": True, **claims})

    assert actor is not None
    assert actor.role is role


@pytest.mark.parametrize(
    ("operator", "email", "is_operator"),
    [
        ("kate@shop.example", "Kate@shop.example", True),
        ("kate@shop.example", "\N{KELVIN SIGN}ate@shop.example", False),
        ("irma@shop.example", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}rma@shop.example", False),
        ("émile@shop.example", "Émile@shop.example", True),
    ],
)
def test_no_letter_passes_for_another_in_an_address(
    operator: str, email: str, is_operator: bool
) -> None:
    access = replace(SIGNED_IN_SHOP, operators=(operator,))

    actor = access.actor({"is_logged_in": True, "email": email, "email_verified": True})

    assert actor is not None
    assert (actor.role is Role.OPERATOR) is is_operator


@pytest.mark.parametrize("claims", [{}, {"is_logged_in": False}, {"is_logged_in": "true"}])
def test_who_has_not_signed_in_is_nobody(claims: dict[str, object]) -> None:
    assert SIGNED_IN_SHOP.actor({"email": "ada@shop.example", **claims}) is None


@pytest.mark.parametrize(
    ("issued_h_ago", "is_in"), [(0, True), (11.9, True), (12.1, False), (700, False)]
)
def test_a_sign_in_ends_after_some_hours(issued_h_ago: float, is_in: bool) -> None:
    claims = {"is_logged_in": True, "sub": "7", "iat": time.time() - issued_h_ago * 3600}

    assert (SIGNED_IN_SHOP.actor(claims) is not None) is is_in


def test_a_claim_may_be_inside_another_or_have_dots_in_its_name() -> None:
    nested = replace(SIGNED_IN_SHOP, operator_claim=("realm_access.roles", "op"))
    url = replace(SIGNED_IN_SHOP, operator_claim=("https://shop.example/roles", "op"))
    inside: dict[str, object] = {"is_logged_in": True, "realm_access": {"roles": ["op"]}}
    named: dict[str, object] = {"is_logged_in": True, "https://shop.example/roles": ["op"]}

    assert nested.actor(inside) == Actor("", Role.OPERATOR)
    assert url.actor(named) == Actor("", Role.OPERATOR)
    assert nested.actor(named) == Actor("", Role.ANALYST)


def test_without_sign_in_whoever_is_at_this_machine_is_the_operator() -> None:
    assert Access().actor({}) == LOCAL_OPERATOR


@pytest.mark.parametrize(
    ("access", "claims", "actor"),
    [
        (Access(), {}, Actor("agent", Role.ANALYST)),
        (Access(agent_role=Role.OPERATOR), {}, Actor("agent", Role.OPERATOR)),
        (SIGNED_IN_SHOP, {}, None),
        (SIGNED_IN_SHOP, {"email": "ada@shop.example"}, replace(ADA, role=Role.ANALYST)),
    ],
)
def test_an_agent_is_an_analyst_unless_a_setting_says_otherwise(
    access: Access, claims: dict[str, object], actor: Actor | None
) -> None:
    assert access.actor(claims, is_agent=True) == actor


def test_a_name_is_short_and_prints_on_one_line() -> None:
    actor = SIGNED_IN_SHOP.actor({"is_logged_in": True, "sub": "a\nb\x1b" + "c" * 300})

    assert actor is not None
    assert actor.name == "ab" + "c" * 198


# --- the application checks


def writes(app: Application, actor: Actor) -> dict[str, Callable[[], object]]:
    """Return every action that changes something, done by ``actor``, by the name of its method."""
    control, products_ = app.scheduler_control, app.datasets["products"]
    at = datetime(2100, 1, 1)
    url = "e-commerceecommerce/add-auto"
    task = Task("get_products", "e-commerce", url, None, None, at, "none", None)
    return {
        "request_sync": lambda: app.request_sync("products", actor=actor, trigger=Trigger.MANUAL),
        "clear": lambda: app.clear("products", actor=actor, trigger=Trigger.MANUAL),
        "undo_clear": lambda: app.undo_clear("products", actor=actor, trigger=Trigger.MANUAL),
        "undo_apply": lambda: app.undo_apply("products", actor=actor, trigger=Trigger.MANUAL),
        "confirm": lambda: app.confirm(1, actor=actor, trigger=Trigger.MANUAL),
        "discard": lambda: app.discard(1, actor=actor),
        "send_test_message": lambda: app.send_test_message(actor=actor),
        "deliver_again": lambda: app.deliver_again(1, actor=actor),
        "add_task": lambda: control.add_task(
            products_, actor=actor, simulated_at=at, recurrence=Recurrence.NONE
        ),
        "delete_tasks": lambda: control.delete_tasks("x", actor=actor, source="e-commerce"),
        "delete_all": lambda: control.delete_all("e-commerce", actor=actor),
        "delete_each": lambda: control.delete_each([task], actor=actor),
        "edit_task": lambda: control.edit_task(
            task, actor=actor, simulated_at=at, recurrence=Recurrence.NONE
        ),
        "add_again": lambda: control.add_again([], actor=actor),
        "forget": lambda: control.forget([], actor=actor),
        "pause": lambda: control.pause(actor=actor),
        "resume": lambda: control.resume(actor=actor),
        "set_speed": lambda: control.set_speed(2, actor=actor),
    }


def test_every_method_that_takes_an_actor_demands_one_and_is_tried_below(
    application: Application,
) -> None:
    taking = {
        name: inspect.signature(method).parameters["actor"]
        for owner in (Application, SchedulerControl)
        for name, method in inspect.getmembers(owner, inspect.isfunction)
        if "actor" in inspect.signature(method).parameters
    }

    assert taking.keys() == {*writes(application, ANNE), "explore"}
    for name, parameter in taking.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, name
        assert parameter.default is inspect.Parameter.empty, name


@pytest.mark.parametrize("actor", [ANNE, ANONYMOUS, SCHEDULER])
def test_who_may_not_changes_nothing_and_hears_why(
    application: Application, peers: Peers, actor: Actor
) -> None:
    peers.serve_products(products(3))
    application.request_sync("products", actor=ADA, trigger=Trigger.MANUAL).wait(20)
    peers.asked.clear()
    before = application.store.newest_run_id()

    for name, write in writes(application, actor).items():
        if actor is SCHEDULER and name == "request_sync":
            continue
        with pytest.raises(NotAllowed, match=r"only|sign in"):
            write()
    assert application.store.newest_run_id() == before
    assert not peers.asked


@pytest.mark.parametrize("actor", [ANNE, ADA])
def test_analysts_and_operators_may_ask_in_sql(application: Application, actor: Actor) -> None:
    assert application.explore("SELECT 1", actor=actor).result().rows == 1


@pytest.mark.parametrize("actor", [ANONYMOUS, SCHEDULER])
def test_nobody_else_may_ask_in_sql(application: Application, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        application.explore("SELECT 1", actor=actor)


def test_the_scheduler_may_ask_for_a_fetch(application: Application, peers: Peers) -> None:
    peers.serve_products(products(3))

    run = application.request_sync("products", actor=SCHEDULER, trigger=Trigger.CALLBACK).wait(20)

    assert run.actor == "scheduler"


def test_every_role_and_deed_is_decided() -> None:
    allowed = {(role, deed) for role in Role for deed in Permission if Actor("x", role).may(deed)}

    assert allowed == {
        (Role.ANALYST, Permission.EXPLORE),
        (Role.OPERATOR, Permission.EXPLORE),
        (Role.OPERATOR, Permission.FETCH),
        (Role.OPERATOR, Permission.CHANGE),
        (Role.SCHEDULER, Permission.FETCH),
    }


WRITES_BELOW = {
    "scheduler": {"add_task", "delete_tasks", "delete_all", "pause", "resume", "set_speed"},
    "store": {"clear", "undo_clear", "discard_held", "apply", "begin_run", "record_deliveries"},
    "gateway": {"send"},
}


@pytest.mark.parametrize(
    "path",
    [
        *sorted((PROJECT_ROOT / "pages").rglob("*.py")),
        *sorted((PROJECT_ROOT / "ecommerce_core" / "cli").glob("*.py")),
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_no_page_and_no_command_writes_past_the_application(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            assert node.attr not in WRITES_BELOW.get(owner, ()), f"{owner}.{node.attr}"


# --- the journal keeps the actor


def test_a_run_keeps_who_asked_for_it_first(application: Application, peers: Peers) -> None:
    peers.serve_products(products(3))
    peers.gate.clear()
    application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
    until(lambda: peers.asked["catalogue-produit"] == 1)
    bob = Actor("bob@shop.example", Role.OPERATOR)
    first = application.request_sync("products", actor=ADA, trigger=Trigger.MANUAL)
    second = application.request_sync("products", actor=bob, trigger=Trigger.MANUAL)
    peers.gate.set()

    run = first.wait(20)
    assert second.joined
    assert second.wait(20) == run
    assert run.actor == "ada@shop.example"
    assert application.clear("products", actor=bob, trigger=Trigger.MANUAL).actor == bob.name
    assert (
        application.undo_clear("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).actor
        is None
    )


def test_the_command_line_acts_and_says_who(
    tmp_path: Path, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers.serve_products(products(3))
    monkeypatch.setenv("LOGNAME", "grace")
    env = {"ECOMMERCE_DATABASE": str(tmp_path / "s.db"), "ECOMMERCE_GATEWAY_URL": peers.url}
    CliRunner().invoke(cli, ["sync", "products"], env=env)

    said = CliRunner().invoke(cli, ["runs"], env=env)
    [run] = json.loads(CliRunner().invoke(cli, ["runs", "--json"], env=env).stdout)

    assert said.output.rstrip().endswith("(grace)")
    assert run["actor"] == "grace"


# --- pages


@pytest.fixture
def shop(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    """Yield an application with sign-in whose operator is Ada."""
    peers.serve_products(products(30))
    peers.serve_customers([customer(n) for n in range(5)])
    settings = Settings(database=tmp_path / "shop.db", timeout_s=5, operators=("ada@shop.example",))
    app = Application.open(settings, gateway_url=peers.url, sign_in_providers=["default"])
    app.start(watch=False)
    current_application.install(app)
    yield app
    current_application.install(None)
    app.stop()


def open_as(app: Application, name: str, email: str | None, locale: str = "en-GB") -> Page:
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.context = {"locale": locale, "timezone": "Europe/Paris"}
    at.user = claims_of(email)
    at.run()
    if name != "overview":
        at.switch_page(f"{name}.py")
    return Page(at.run(), app).sound()


def claims_of(email: str | None) -> dict[str, Any]:
    return {"is_logged_in": False} if email is None else {"is_logged_in": True, "email": email}


@pytest.mark.parametrize(("locale", "word"), [("en-GB", "Sign in"), ("fr-FR", "Se connecter")])
@pytest.mark.parametrize("name", PAGES)
def test_before_the_sign_in_every_page_is_the_sign_in_screen(
    shop: Application, name: str, locale: str, word: str
) -> None:
    shop.request_sync("products", actor=ADA, trigger=Trigger.MANUAL).wait(10)

    page = open_as(shop, name, None, locale)

    assert page.buttons() == {"sign_in"}
    assert page.at.button(key="sign_in").label == word
    assert not page.at.dataframe
    assert not page.at.metric
    assert "X1-" not in page.texts()


CHANGING = (
    *("fetch_", "clear_", "undo_", "confirm", "discard", "add_task", "task_soon", "delete"),
    *("pause_clock", "resume_clock", "set_speed", "run_task", "deliver_again"),
)


@pytest.mark.parametrize("name", PAGES)
def test_an_analyst_has_no_control_that_changes_something(shop: Application, name: str) -> None:
    shop.request_sync("products", actor=ADA, trigger=Trigger.MANUAL).wait(10)
    shop.clear("products", actor=ADA, trigger=Trigger.MANUAL)
    shop.undo_clear("products", actor=ADA, trigger=Trigger.MANUAL)

    page = open_as(shop, name, ANNE.name)

    assert [key for key in page.buttons() if key.startswith(CHANGING)] == []
    assert "sign_out" in page.buttons()
    assert "**anne@shop.example**  \nAnalyst" in page.texts().replace(escape("@"), "@").replace(
        escape("."), "."
    )


@pytest.mark.parametrize("name", ["overview", "products", "customers"])
def test_an_operator_has_the_controls(shop: Application, name: str) -> None:
    page = open_as(shop, name, ADA.name)

    assert any(key.startswith("fetch_") for key in page.buttons())
    assert "**ada@shop.example**  \nOperator" in page.texts().replace(escape("@"), "@").replace(
        escape("."), "."
    )


@pytest.mark.parametrize(
    ("locale", "why"), [("en-GB", "Only an operator may do this"), ("fr-FR", "Seul un opérateur")]
)
def test_a_forged_click_changes_nothing_and_is_told_why(
    shop: Application, locale: str, why: str
) -> None:
    page = open_as(shop, "products", ADA.name, locale)
    # The button was drawn for an operator; the click comes from an analyst.
    page.at.user = claims_of(ANNE.name)

    page.click("fetch_products")

    assert shop.store.newest_run_id() == 0
    assert why in page.texts()
    assert "fetch_products" not in page.buttons()


def test_an_agents_forged_click_is_refused_by_the_application_too(shop: Application) -> None:
    shop.access = Access(agent_role=Role.OPERATOR)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["_is_agent"] = True
    at.user = {}
    at.run().switch_page("products.py")
    page = Page(at.run(), shop).sound()
    shop.access = Access()

    page.click("fetch_products")

    assert shop.store.newest_run_id() == 0
    assert "agent is an analyst" in page.texts()


@pytest.mark.parametrize("email", [ANNE.name, None])
def test_a_forged_confirmation_of_a_clear_changes_nothing(
    shop: Application, email: str | None
) -> None:
    shop.request_sync("products", actor=ADA, trigger=Trigger.MANUAL).wait(10)
    before = shop.store.newest_run_id()
    page = open_as(shop, "products", ADA.name).click("clear_products")
    page.at.user = claims_of(email)

    page.click("confirm_clear_products")

    assert shop.store.newest_run_id() == before


@pytest.mark.parametrize("key", ["pause_clock", "set_speed", "add_task"])
def test_a_forged_change_of_the_scheduler_never_reaches_it(key: str, tmp_path: Path) -> None:
    with Sandbox(products=3, customers=3, tick_s=None) as sandbox:
        settings = Settings(database=tmp_path / "shop.db", operators=(ADA.name,))
        app = Application.open(settings, gateway_url=sandbox.url, sign_in_providers=["default"])
        current_application.install(app)
        try:
            app.monitor.poll()
            page = open_as(app, "scheduler", ADA.name)
            if key != "add_task":
                page.click(key)  # opens the dialog
                key = f"confirm_{key}"
            page.at.user = claims_of(ANNE.name)
            page.click(key)
        finally:
            current_application.install(None)
        sandbox.scheduler.tick()

        assert not sandbox.scheduler.tasks()
        assert sandbox.scheduler.info()[1:] == (50, False)
