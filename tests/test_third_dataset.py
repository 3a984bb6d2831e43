"""A dataset that only the tests declare works everywhere that products and customers do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from ecommerce_core.application import Application
from ecommerce_core.cli import cli
from ecommerce_core.cli.common import Shop
from ecommerce_core.companion.openapi import describe
from ecommerce_core.datasets import DATASETS, PRODUCTS, Dataset, Row, register
from ecommerce_core.domain import (
    Query,
    RunStatus,
    StoreDamaged,
    StoreIncompatible,
    Totals,
    Trigger,
    escape,
)
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Grouping, Measure, groupable, measurable, open_store, sql_of
from tests.companion.data_routes.shop import DataServer, serving
from tests.support import notes
from tests.support.notes import NOTES, WITH_NOTES, Note, note, serve_notes
from tests.support.page_session import Page, installed
from tests.support.peers import Peers, customer, products
from tests.support.waiting import until

PAGE = Path(notes.__file__).with_name("page.py")
IN_PAGES = "../tests/support/notes/page"
LATEST = 24


@pytest.fixture
def shop(peers: Peers) -> Peers:
    """Return peers with 24 notes by three authors, besides a few products and customers."""
    serve_notes(peers, [note(number) for number in range(LATEST)])
    peers.serve_products(products(3))
    peers.serve_customers([customer(1)])
    return peers


def fetch(app: Application) -> int:
    run = app.request_sync("notes", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)
    assert run.status.is_good, run.error
    return run.id


# The store and its snapshot.


@pytest.fixture
def app(shop: Peers, any_settings: Settings) -> Iterator[Application]:
    running = Application.open(any_settings, gateway_url=shop.url, datasets=WITH_NOTES)
    running.start(watch=False)
    yield running
    running.stop(timeout_s=5)
    running.close()


def test_a_sync_brings_the_rows_into_the_store_and_before_readers(app: Application) -> None:
    fetch(app)

    assert app.reader.totals(NOTES) == Totals(current=24, withdrawn=0)
    row = app.reader.find_row(NOTES, "N-7")
    assert isinstance(row, Note)
    assert replace(row, first_seen_at=row.updated_at) == Note(
        number="N-7",
        subject="Pallet 07",
        author="Bob",
        state="closed",
        cost=700,
        pages=7,
        answer="yes",
        due=datetime(2026, 1, 7, 7, tzinfo=UTC),
        ticket=12_007,
        first_seen_at=row.updated_at,
        updated_at=row.updated_at,
        withdrawn_at=None,
    )


def test_a_second_sync_counts_what_changed_and_what_the_peer_lists_no_longer(
    app: Application, shop: Peers
) -> None:
    fetch(app)
    serve_notes(
        shop, [note(number, **({"cost": 1} if number == 3 else {})) for number in range(20)]
    )
    counts = app.store.run(fetch(app))

    assert counts is not None
    assert (counts.counts.updated, counts.counts.withdrawn, counts.counts.unchanged) == (1, 4, 19)


def test_rows_are_sorted_by_the_default_column_and_codes_by_their_numbers(app: Application) -> None:
    fetch(app)

    def numbers(**asked: Any) -> list[str]:
        return [number_of(row) for row in app.reader.list_rows(NOTES, Query(**asked))]

    assert numbers(sort="number")[:3] == ["N-0", "N-1", "N-2"]
    assert numbers(sort="cost", descending=True)[:2] == ["N-23", "N-22"]
    assert set(numbers(sort="cost")[-6:]) == {f"N-{n}" for n in (0, 4, 8, 12, 16, 20)}


def number_of(row: Row) -> str:
    assert isinstance(row, Note)
    return row.number


def test_a_choice_lists_the_values_that_there_are(app: Application) -> None:
    fetch(app)

    assert app.reader.list_values(NOTES, "state", Query()) == [("closed", 8), ("open", 8)]


def test_it_is_asked_in_sql_and_grouped_by_its_own_columns(app: Application) -> None:
    fetch(app)
    [table] = [one for one in app.explorer.tables if one.name == "notes"]

    counted = app.explore("SELECT count(*) AS n FROM notes", actor=LOCAL_OPERATOR).result()
    assert counted.table().to_pylist() == [{"n": 24}]
    for by in groupable(table):
        asked = app.explore(sql_of(table, Grouping((by,))), actor=LOCAL_OPERATOR)
        assert sum(asked.result().table().column("row_count").to_pylist()) == 24
    for column in measurable(table):
        grouping = Grouping((groupable(table)[0],), Measure.MOST, column.field)
        app.explore(sql_of(table, grouping), actor=LOCAL_OPERATOR).result().close()


def test_a_database_with_a_third_dataset_is_of_a_newer_version_to_whoever_does_not_know_it(
    app: Application, any_settings: Settings
) -> None:
    with pytest.raises(StoreIncompatible):
        open_store(any_settings.database, url=any_settings.database_url)


def test_a_table_that_is_not_as_its_migration_made_it_is_never_used(
    app: Application, any_settings: Settings
) -> None:
    # What indexes a server's database has is its operator's own business.
    changed = "CREATE INDEX note_by_author ON note (author)"
    if app.store.is_shared:
        changed = "ALTER TABLE note ADD COLUMN by_author TEXT"
    with app.store.writing() as db:
        db.execute(changed)

    with pytest.raises(StoreDamaged, match="note"):
        open_store(
            any_settings.database,
            url=any_settings.database_url,
            more_migrations=NOTES.migrations,
        )


# Valid declarations, and invalid ones.


@pytest.mark.parametrize("what", ["name", "table", "callback_path", "task_name", "task_app"])
def test_two_datasets_cannot_share_what_tells_them_apart(what: str) -> None:
    twin = replace(NOTES, **{what: getattr(PRODUCTS, what)})

    with pytest.raises(ValueError, match=f"same {what}"):
        register(PRODUCTS, twin)


@pytest.mark.parametrize("taken", ["q", "page", "view", "sort", "lang", "columns", "new", "author"])
def test_a_filter_cannot_take_a_name_that_means_something_else_in_an_address(taken: str) -> None:
    columns = [replace(one, address=taken) if one.name == "state" else one for one in NOTES.columns]

    with pytest.raises(ValueError, match=taken):
        register(replace(NOTES, columns=tuple(columns)))


def test_a_table_has_the_columns_that_are_declared_to_be_shown_the_sorted_one_first() -> None:
    assert [column.name for column in NOTES.shown] == [
        *("subject", "author", "state", "cost", "pages", "answer", "due", "number"),
        *("updated_at", "withdrawn_at"),
    ]


# Its page.


@pytest.fixture
def visited(shop: Peers, tmp_path: Path) -> Iterator[Application]:
    yield from installed(shop.url, tmp_path, datasets=WITH_NOTES, pages={"notes": PAGE})


def open_page(app: Application, **query: str) -> Page:
    return Page.open(app, IN_PAGES, **query)


def numbers_of(page: Page) -> list[str]:
    return list(page.table("notes_table")["number"])


def open_filters(page: Page) -> None:
    page.at.session_state["notes_filters"] = True
    page.at.run()
    page.sound()


def test_an_empty_page_offers_to_fetch_and_then_shows_the_rows(visited: Application) -> None:
    page = open_page(visited)
    assert "No notes yet" in page.texts()
    page.fetch("notes")

    table = page.table("notes_table")
    assert page.at.title[0].value == "Notes"
    assert list(table.columns) == [
        *("subject", "author", "state", "cost", "pages", "answer", "due", "number", "updated_at"),
    ]
    assert list(table["subject"][:2]) == ["Pallet 00", "Pallet 01"]
    assert table["cost"][7] == 7.0


def test_a_question_in_the_address_filters_and_sorts(visited: Application) -> None:
    fetch(visited)
    page = open_page(
        visited, author="Bob", state="closed", cost="3-15", length="5-", answer="yes", sort="-cost"
    )

    assert numbers_of(page) == ["N-13", "N-7"]
    labels = [each.label for each in page.at.button if (each.key or "").startswith("drop_filter")]
    assert labels == [
        escape(text) for text in ("Author: Bob", "State: closed", "Cost €3–€15", "Pages ≥ 5")
    ] + ["With answer"]
    page.click("clear_active_notes")
    assert "1–24 of 24" in page.texts()


def test_a_moment_of_its_own_is_filtered_by_age_or_day(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited, due="2026-01-22")

    assert sorted(numbers_of(page)) == ["N-22", "N-23"]
    assert page.at.button(key="drop_filter_notes_0").label == escape("Due since: 22 Jan 2026")


def test_every_declared_filter_has_a_control_in_the_menu(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited)
    open_filters(page)

    assert page.at.multiselect(key="notes_author").options == ["Ada (8)", "Bob (8)", "Zoé (8)"]
    assert page.at.multiselect(key="notes_state").options == ["closed (8)", "open (8)"]
    page.at.text_input(key="notes_cost_low").set_value("21.5").run()
    open_filters(page)
    page.at.text_input(key="notes_length_high").set_value("22").run()
    assert numbers_of(page.sound()) == ["N-22"]
    open_filters(page)
    page.at.radio(key="notes_answer").set_value("yes").run()
    assert "No results" in page.sound().at.info[0].proto.title
    assert {name: page.at.query_params[name] for name in ("cost", "length", "answer")} == {
        "cost": "21.5-",
        "length": "-22",
        "answer": "yes",
    }


def test_a_search_looks_through_the_declared_columns(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited)
    assert page.at.text_input(key="search_notes").placeholder == "Subject or number"

    page.at.text_input(key="search_notes").set_value("PALLET 2").run()
    assert len(numbers_of(page.sound())) == 6
    page.at.text_input(key="search_notes").set_value("n-23").run()
    assert numbers_of(page.sound()) == ["N-23"]
    page.at.text_input(key="search_notes").set_value("Zoé").run()
    assert "No results" in page.sound().at.info[0].proto.title


def test_the_order_is_in_the_address_and_on_the_heading(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited, sort="-length")
    table = next(table for table in page.at.dataframe if table.key == "notes_table")

    assert numbers_of(page)[:2] == ["N-23", "N-22"]
    assert json.loads(table.proto.columns)["pages"]["label"] == "Pages ▼"


def test_the_export_menu_links_to_the_rows_that_are_looked_at(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited, author="Ada", cost="10-")
    page.at.session_state["export_notes"] = True
    page.at.run()
    links = {each.proto.label: each.proto.url for each in page.sound().at.get("link_button")}

    assert set(links) == {"CSV", "Excel", "JSON", "Parquet"}
    asked = urlsplit(links["CSV"])
    assert asked.path == "notes.csv"
    assert dict(parse_qsl(asked.query)) == {"author": "Ada", "cost": "10-", "lang": "en"}
    page.at.session_state["notes_columns"] = True
    page.at.run()
    columns = {each.label for each in page.sound().at.button if "notes_show_" in (each.key or "")}
    columns |= {each.label for each in page.at.button if "notes_hide_" in (each.key or "")}
    assert {"Cost", "Ticket", "Due", "Withdrawn"} <= columns


def test_a_row_in_full_shows_every_column_in_its_kind_and_what_it_was(
    visited: Application, shop: Peers
) -> None:
    fetch(visited)
    changed = {"cost": 123_456, "due": "2026-02-01T08:00:00Z", "pages": 1_007}
    serve_notes(shop, [note(n, **(changed if n == 7 else {})) for n in range(LATEST)])
    fetch(visited)
    page = open_page(visited, row="N-7")
    facts, history = (table.value for table in page.at.table[:2])

    said = dict(zip(facts.index, facts.iloc[:, 0], strict=True))
    assert said["Cost"] == escape("€1,234.56")
    assert said["Ticket"] == "12007"
    assert said["Pages"] == escape("1,007")
    assert said["Due"] == escape("1 Feb 2026, 09:00:00 CET")
    before = dict(zip(history["Field"], history["Before"], strict=True))
    assert before == {
        "Cost": escape("€7.00"),
        "Due": escape("7 Jan 2026, 08:00:00 CET"),
        "Pages": "7",
    }


def test_what_changed_between_two_runs_is_compared_field_by_field(
    visited: Application, shop: Peers
) -> None:
    first = fetch(visited)
    serve_notes(shop, [note(n, **({"cost": None} if n == 7 else {})) for n in range(1, LATEST + 1)])
    last = fetch(visited)
    page = open_page(visited, view="changes")
    table = page.table_named(f"What changed from run {first} to run {last}")

    assert list(table["key"]) == ["N-24", "N-0", "N-7"]
    changed = table.iloc[2]
    assert (changed["field"], changed["old"], changed["new"]) == ("Cost", "€7.00", "–")


def test_pictures_are_drawn_of_every_choice_and_every_range(visited: Application) -> None:
    fetch(visited)
    page = open_page(visited, view="pictures")
    said = page.texts()

    for title in (
        "Notes by author",
        "Notes by state",
        "Distribution of cost",
        "Distribution of pages",
    ):
        assert f"**{title}**" in said
    assert escape("18 rows from €1.00") in said


def test_the_overview_has_its_card_its_step_and_the_pictures_that_are_declared(
    visited: Application,
) -> None:
    page = Page.open(visited, "overview")
    assert "Get started" in page.texts()
    assert ":material/counter_3: **Fetch notes**" in page.texts()
    assert ":material/counter_4: **Schedule a task**" in page.texts()
    page.fetch("notes")

    assert [each.label for each in page.at.metric] == ["Products", "Customers", "Notes"]
    assert "**Notes by author**" in page.texts()
    assert "**Distribution of cost**" in page.texts()
    assert "Distribution of pages" not in page.texts()
    assert "**Notes**" in page.texts()  # the last 24 hours


def test_live_pages_listen_for_the_datasets_that_they_show(visited: Application) -> None:
    [overview] = Page.open(visited, "overview").told("ecommerce_live")
    [of_notes] = open_page(visited).told("ecommerce_live")
    [of_products] = Page.open(visited, "products").told("ecommerce_live")

    assert overview["topics"][:3] == ["products", "customers", "notes"]
    assert of_notes["topics"] == ["notes", "problems", "clock"]
    assert of_products["topics"] == ["products", "problems", "clock"]


def test_the_journal_and_the_task_form_know_it_by_its_label(visited: Application) -> None:
    fetch(visited)
    activity = Page.open(visited, "activity")
    assert list(activity.table("runs_table")["dataset"]) == ["notes"]
    form = Page.open(visited, "scheduler").at.radio(key="task_app")
    assert list(form.options) == ["Products", "Customers", "Notes"]


def test_what_a_run_changed_is_told_in_the_kinds_of_the_columns(
    visited: Application, shop: Peers
) -> None:
    fetch(visited)
    serve_notes(shop, [note(n, **({"cost": 5} if n == 7 else {})) for n in range(LATEST)])
    last = fetch(visited)
    page = Page.open(visited, "activity", run=str(last))
    changed = page.table_named("What the run changed, field by field")

    assert changed.to_dict("records") == [
        {"key": "N-7", "field": "Cost", "old": "€7.00", "new": "€0.05"}
    ]


# Companion, files, description.


@pytest.fixture
def server(shop: Peers, any_settings: Settings) -> Iterator[DataServer]:
    opened = Application.open(any_settings, gateway_url=shop.url, datasets=WITH_NOTES)
    with serving(opened) as running:
        yield running


def test_its_callback_fetches_it(server: DataServer) -> None:
    answer = server.get("load-notes", method="POST", headers={"Accept": "application/json"})

    assert answer.status == 200
    assert answer.json["counts"]["added"] == 24
    # It is answered at its commit, before readers see the rows.
    until(lambda: server.application.reader.totals(NOTES).current == 24)


def test_a_callback_of_it_is_delivered_again(server: DataServer) -> None:
    server.get("load-notes", method="POST")
    app = server.application
    [delivery] = wait_for_deliveries(app, 1)
    run = app.deliver_again(delivery.id, actor=LOCAL_OPERATOR).wait(30)

    assert (delivery.dataset, delivery.task_name) == ("notes", "get_notes")
    assert run.status is RunStatus.UNCHANGED


def wait_for_deliveries(app: Application, count: int) -> list[Any]:
    until(lambda: len(app.store.list_deliveries()) == count)
    return list(app.store.list_deliveries())


def test_its_page_is_served_and_no_other(server: DataServer) -> None:
    assert server.get("notes").text == "a page"
    assert server.get("promotions").status == 404


ROW = {
    "number": "N-7",
    "subject": "Pallet 07",
    "author": "Bob",
    "state": "closed",
    "cost_eur": 7.0,
    "pages": 7,
    "answer": "yes",
    "due": "2026-01-07T07:00:00.000Z",
    "ticket": 12_007,
}


def test_rows_are_json_under_their_declared_names(server: DataServer) -> None:
    server.fetch("notes")
    said = server.json("notes.json?q=n-7")

    assert said["total"] == 1
    [row] = said["rows"]
    assert {name: row[name] for name in ROW} == ROW
    assert server.json("notes.json?q=n-4")["rows"][0]["cost_eur"] is None


def test_rows_are_csv_with_euros_and_moments(server: DataServer) -> None:
    server.fetch("notes")
    text = server.get("notes.csv?author=Bob&cost=3-15&sort=-cost").body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [row["number"] for row in rows] == ["N-13", "N-10", "N-7"]
    assert (rows[2]["cost_eur"], rows[2]["due"]) == ("7.00", "2026-01-07T07:00:00.000Z")


def test_rows_are_a_workbook_with_numbers_and_times(server: DataServer) -> None:
    server.fetch("notes")
    book = openpyxl.load_workbook(io.BytesIO(server.get("notes.xlsx?q=n-7").body))
    head, row = book["Notes"].iter_rows(values_only=True)
    said = dict(zip(head, row, strict=True))

    assert (said["cost_eur"], said["pages"]) == (7, 7)
    assert said["due"] == datetime(2026, 1, 7, 7)


def test_rows_are_parquet_with_their_types(server: DataServer) -> None:
    server.fetch("notes")
    table = pq.read_table(io.BytesIO(server.get("notes.parquet?sort=no").body))

    assert table.num_rows == 24
    assert pa.types.is_decimal(table.schema.field("cost_eur").type)
    assert pa.types.is_integer(table.schema.field("pages").type)
    assert table.schema.field("due").type.tz == "UTC"
    assert table["cost_eur"].null_count == 6


def test_what_the_peer_would_answer_is_taken_again(server: DataServer) -> None:
    server.fetch("notes")
    parsed = NOTES.parse(server.get("notes.wire.json").body)

    assert (len(parsed.records), parsed.rejected_count) == (24, 0)


def test_changes_between_two_runs_are_a_file_too(server: DataServer, shop: Peers) -> None:
    first = server.fetch("notes").id
    serve_notes(shop, [note(n, **({"cost": 5} if n == 7 else {})) for n in range(LATEST)])
    last = server.fetch("notes").id
    said = server.json(f"notes/changes.json?from={first}&to={last}")

    assert said["rows"] == [
        {
            "key": "N-7",
            "kind": "updated",
            "field": "cost_eur",
            "old": "7.00",
            "new": "0.05",
            "difference": -6.95,
            "percent": -99.2857,
            "title": "Pallet 07",
            "author": "Bob",
            "state": "closed",
        }
    ]


def test_a_wrong_question_to_it_names_what_it_takes(server: DataServer) -> None:
    server.fetch("notes")
    answer = server.get("notes.json?family=TV")

    assert answer.status == 400
    assert "there are q, no.contains, " in answer.text
    assert "family" in answer.text


def test_it_is_described_and_the_products_are_as_before(server: DataServer) -> None:
    said = server.json("openapi.json")
    row = said["components"]["schemas"]["NotesRows"]["properties"]["rows"]["items"]["properties"]
    asked = {
        each["name"]: each["schema"]
        for each in said["paths"]["/ecommerce/notes.csv"]["get"]["parameters"]
    }

    assert row["cost_eur"]["type"] == ["number", "null"]
    assert row["due"] == {"type": ["string", "null"], "format": "date-time"}
    assert row["ticket"] == {"type": "number"}
    assert {"author", "state", "cost", "length", "answer", "due", "new", "changed"} <= set(asked)
    assert asked["answer"] == {"enum": ["yes", "no"]}
    assert asked["author"]["type"] == "array"
    assert "post" in said["paths"]["/ecommerce/load-notes"]
    described = describe(DATASETS.values(), with_token=False)["paths"]
    assert set(said["paths"]) - set(described) == {
        "/ecommerce/load-notes",
        *(f"/ecommerce/notes.{name}" for name in ("csv", "xlsx", "json", "parquet", "wire.json")),
        *(f"/ecommerce/notes/changes.{name}" for name in ("csv", "xlsx", "json", "parquet")),
        *(f"/ecommerce/notes/held.{name}" for name in ("csv", "xlsx", "json", "parquet")),
    }


def test_metrics_and_health_count_it(server: DataServer) -> None:
    server.fetch("notes")
    metrics = server.get("metrics").text
    health = server.json("healthz")

    assert 'ecommerce_store_rows{dataset="notes",state="current"} 24.0' in metrics
    assert 'ecommerce_run_rows_total{dataset="notes",outcome="added"} 24.0' in metrics
    assert "notebook" in health["peers"]
    assert health["status"] == "ready"


# The command line.


def run(shop: Peers, settings: Settings, *words: str, **environment: str) -> Result:
    ours = {
        "ECOMMERCE_DATABASE": str(settings.database),
        "ECOMMERCE_GATEWAY_URL": shop.url,
        **environment,
    }
    return CliRunner().invoke(cli, words, env=ours, obj=Shop(WITH_NOTES))


def test_the_command_line_fetches_clears_and_undoes_it(shop: Peers, settings: Settings) -> None:
    fetched = run(shop, settings, "sync", "notes")
    assert fetched.exit_code == 0, fetched.output
    assert "run 1: notes fetch succeeded: 24 fetched, 24 added" in fetched.output
    assert run(shop, settings, "clear", "notes", "--yes").exit_code == 0
    assert run(shop, settings, "undo", "notes").exit_code == 0

    said = json.loads(run(shop, settings, "status", "--json").output)
    assert said["datasets"]["notes"]["rows"] == 24
    assert said["peers"]["notebook"]["answers"] is True
    actions = json.loads(run(shop, settings, "runs", "--dataset", "notes", "--json").output)
    assert [each["action"] for each in actions] == ["undo_clear", "clear", "sync"]
    assert len(json.loads(run(shop, settings, "sync", "all", "--json").output)) == 3


def test_the_command_line_names_it_where_it_asks_which(shop: Peers, settings: Settings) -> None:
    assert "{products|customers|notes|all}" in run(shop, settings, "sync", "--help").output
    refused = run(shop, settings, "sync", "promotions")

    assert refused.exit_code == 2
    assert "is not one of 'products', 'customers', 'notes', 'all'" in refused.output
    plain = CliRunner().invoke(cli, ["sync", "notes"])
    assert (plain.exit_code, "'notes' is not one of" in plain.output) == (2, True)


def test_a_backup_of_it_is_checked_and_restored(
    shop: Peers, settings: Settings, tmp_path: Path
) -> None:
    file = str(tmp_path / "copy.db")
    run(shop, settings, "sync", "notes")
    assert run(shop, settings, "backup", file).exit_code == 0
    run(shop, settings, "clear", "notes", "--yes")

    restored = run(shop, settings, "restore", file, "--yes")
    assert restored.exit_code == 0, restored.output
    said = json.loads(run(shop, settings, "status", "--json").output)
    assert said["datasets"]["notes"]["rows"] == 24


def test_the_doctor_examines_its_peer_and_names_its_setting(
    shop: Peers, settings: Settings
) -> None:
    run(shop, settings, "sync", "notes")
    well = checks(run(shop, settings, "doctor", "--json"))
    shop.bodies["notebook"] = b"<html>"
    ill = checks(run(shop, settings, "doctor", "--json", ECOMMERCE_NOTEBOOK_PATH="api/notes"))

    assert well["store", "file"]["verdict"] == "ok"
    assert well["notebook", "contract"]["detail"] == "24 records, all can be taken"
    assert ill["notebook", "contract"]["verdict"] == "wrong"
    assert "ECOMMERCE_NOTEBOOK_PATH is api/notes" in ill["notebook", "contract"]["advice"]


def checks(result: Result) -> dict[tuple[str, str], Any]:
    return {(each["subject"], each["step"]): each for each in json.loads(result.output)}


def test_the_path_at_its_peer_is_a_setting_like_the_others() -> None:
    def path(dataset: Dataset, **environment: str) -> str:
        return dataset.path(Settings.from_env(environment))

    assert path(NOTES) == "api/data"
    assert path(NOTES, ECOMMERCE_NOTEBOOK_PATH="/v2/notes") == "v2/notes"
    assert path(PRODUCTS, ECOMMERCE_NOTEBOOK_PATH="/v2/notes") == "api/data"
