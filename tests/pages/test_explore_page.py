"""The explore page: grouped without SQL and queried in SQL, as a table, a chart and a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from tests.support.page_session import Page, installed
from tests.support.peers import Peers, customer, product

FAMILIES = ("TV", "Audio", "Hi-fi")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Run a shop with 30 products in three families at 1 to 30 euros, and two customers."""
    with Peers() as peers:
        peers.serve_products(
            [
                product(number, price=100 + 100 * number, familleProduit=FAMILIES[number % 3])
                for number in range(30)
            ]
        )
        peers.serve_customers([customer(1), customer(2, account="")])
        for application in installed(peers.url, tmp_path_factory.mktemp("explore")):
            for name in application.datasets:
                run = application.request_sync(name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL)
                run.wait(20)
            yield application


def rows(page: Page) -> list[tuple[object, ...]]:
    return [tuple(row) for row in page.table_named("The answer").itertuples(index=False)]


def test_a_bare_address_groups_the_first_dataset_and_draws_it(app: Application) -> None:
    page = Page.open(app, "explore")

    [chart] = page.at.get("vega_lite_chart")
    assert "Number of rows" in chart.proto.spec
    assert not page.at.error


def test_a_group_is_chosen_and_stands_in_the_address(app: Application) -> None:
    page = Page.open(app, "explore", chart="table")
    page.at.selectbox(key="explore_measure").set_value("average.price_eur").run()

    assert rows(page.sound()) == [("Hi-fi", 16.5), ("Audio", 15.5), ("TV", 14.5)]
    address = dict(page.at.query_params)
    assert (address["table"], address["by"]) == ("products", "family")
    assert (address["measure"], address["of"]) == ("average", "price_eur")


def test_two_groups_and_a_time_are_asked_by_the_address(app: Application) -> None:
    page = Page.open(app, "explore", table="runs", by="started_at.day", chart="table")

    [(_day, count)] = rows(page)
    assert count == 2


def test_what_makes_no_sense_in_an_address_is_named_and_left_out(app: Application) -> None:
    page = Page.open(app, "explore", table="products", by="secret", measure="sum", of="family")

    assert "by\\=secret" in page.texts()
    assert "measure\\=sum" in page.texts()
    assert page.at.selectbox(key="explore_by").value == "family"


def test_a_question_in_sql_is_asked_by_the_button_and_stands_in_the_address(
    app: Application,
) -> None:
    page = Page.open(app, "explore", mode="sql")
    sql = "SELECT code, price_eur FROM products WHERE price_eur > 28.5 ORDER BY 2"
    page.at.text_area(key="explore_sql").set_value(sql)
    page.click("run_sql")

    assert rows(page) == [("X1-28", 29.0), ("X1-29", 30.0)]
    assert page.at.query_params["sql"] == sql


def test_a_link_shows_the_answer_that_it_was_made_of(app: Application) -> None:
    page = Page.open(app, "explore", sql="SELECT 1.5 AS a, NULL AS b, 'é' AS c, true AS d")

    assert [row[0] for row in rows(page)] == [1.5]
    assert str(page.at.text_area(key="explore_sql").value).startswith("SELECT 1.5")


def test_numbers_are_written_with_the_decimals_that_matter(app: Application) -> None:
    sql = "SELECT 1.5::DECIMAL(9, 2) AS a, 0.1234567 AS b, 1234.5::DOUBLE AS c, 0.00000123 AS d"
    page = Page.open(app, "explore", sql=sql)

    [table] = [one for one in page.at.dataframe if one.proto.alt == "The answer"]
    shown = pa.ipc.open_stream(table.proto.arrow_data.styler.display_values).read_pandas()
    assert list(shown.iloc[0]) == ["1.50", "0.1234567", "1,234.5", "0.00000123"]


def test_another_dataset_of_the_same_page_is_grouped_by_its_own_columns(app: Application) -> None:
    page = Page.open(app, "explore", chart="table")
    page.at.selectbox(key="explore_table").set_value("customers").run()
    page.at.selectbox(key="explore_by").set_value("account").run()

    assert [row[1] for row in rows(page.sound())] == [1, 1]


@pytest.mark.parametrize(
    "sql", ["DROP TABLE products", "SELECT * FROM duckdb_settings()", "SELECT 1; SELECT 2"]
)
def test_what_may_not_be_asked_is_refused_in_words(app: Application, sql: str) -> None:
    page = Page.open(app, "explore", sql=sql)

    assert page.at.error
    assert not page.at.dataframe


def test_an_error_of_the_database_is_shown_in_its_own_words(app: Application) -> None:
    page = Page.open(app, "explore", sql="SELECT nothing FROM products")

    assert page.at.error
    assert "nothing" in page.at.code[0].value


def test_a_question_that_runs_can_be_cancelled(app: Application) -> None:
    asked = app.explore("SELECT count(*) FROM range(1000000000000)", actor=LOCAL_OPERATOR)
    assert not asked.wait(0.5)
    asked.cancel()

    assert asked.wait(5)
    assert asked.elapsed_s < app.explorer.timeout_s


def test_every_example_has_an_answer(app: Application) -> None:
    page = Page.open(app, "explore")
    from pages.explore_page import examples

    assert page
    found = [example for group in examples.list_examples().values() for example in group]
    assert len(found) >= 10
    # Several in one question, since each one starts a process.
    for start in range(0, len(found), 8):
        counted = [f"SELECT count(*) FROM ({one.sql})" for one in found[start : start + 8]]
        app.explore(" UNION ALL ".join(counted), actor=LOCAL_OPERATOR).result().close()


def test_the_menu_of_files_links_to_the_same_question(app: Application) -> None:
    sql = "SELECT 1 AS a"
    page = Page.open(app, "explore", sql=sql)
    page.at.session_state["export_explore"] = True
    page.at.run()
    links = [e.proto.url for e in page.at.get("link_button")]
    for link in links:
        assert dict(parse_qsl(urlsplit(link).query))["sql"] == sql


@pytest.mark.parametrize("name", ["products", "customers", "runs", "changes"])
def test_everything_that_can_be_grouped_has_an_answer(app: Application, name: str) -> None:
    from pages.ui import exploring

    table = {one.name: one for one in app.explorer.tables}[name]
    groupings = [exploring.Grouping((by,)) for by in exploring.groupable(table)] + [
        exploring.Grouping((exploring.groupable(table)[0],), measure, column.field)
        for column in exploring.measurable(table)
        for measure in list(exploring.Measure)[1:]
    ]
    # Several in one question, since each one starts a process.
    asked = [exploring.sql_of(table, one) for one in groupings]
    for start in range(0, len(asked), 8):
        counted = [f"SELECT count(*) FROM ({sql})" for sql in asked[start : start + 8]]
        app.explore(" UNION ALL ".join(counted), actor=LOCAL_OPERATOR).result().close()


def test_the_schema_names_every_table_and_no_secret(app: Application) -> None:
    page = Page.open(app, "explore", mode="sql")
    labels = [one.label for one in page.at.expander]

    assert labels == [
        f"`{name}`"
        for name in ("products", "products_all", "customers", "customers_all", "runs", "changes")
    ]
    told = page.texts().lower()
    assert "price_eur" in told
    assert not any(f"`{word}`" in told for word in ("fingerprint", "digest", "actor", "record"))


def test_the_page_is_in_french_too(app: Application, tmp_path: Path) -> None:
    page = Page.open(app, "explore", locale="fr-FR")

    assert page.at.title[0].value == "Explorer"
