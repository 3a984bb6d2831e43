"""How tables write numbers, money and times, and what a browser sorts by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.domain import Language, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from pages.ui.table import Kind, browser_format, cells_of
from tests.support.page_session import Page, catalogue, installed
from tests.support.peers import Peers

SMALL, LARGE = [1, None, -999], [1, 1_000]


@pytest.mark.parametrize(
    ("kind", "values", "locale", "written"),
    [
        ("text", ["a"], None, ""),
        ("moment", [], "de-DE", "DD/MM/YYYY HH:mm:ss"),
        ("simulated", [], "fr-FR", "DD/MM/YYYY HH:mm:ss"),
        ("number", SMALL, None, "%d"),
        ("number", SMALL, "de-DE", "%d"),
        ("number", [7.0, 999.0], "en-GB", "%d"),
        ("number", LARGE, "fr-FR", "localized"),
        ("number", LARGE, "FR_be", "localized"),
        ("money", [1], "fr", "euro"),
        # Two decimals for 0.5 and none for 7 in one column.
        ("number", [0.5, 7], "fr-FR", None),
        # A reader of French whose browser prefers another language.
        ("number", LARGE, "en-GB", None),
        ("money", [1], "en-GB", None),
        ("money", [1], None, None),
        # Other regions write 4.24 €, or 1.234 for a thousand.
        ("money", [1], "fr-CH", None),
        ("number", LARGE, "fr-LU", None),
        ("duration", [1.5], "fr-FR", None),
        ("exact", LARGE, "fr-FR", "localized"),
        ("exact", [0.5, 7], "fr-FR", None),
    ],
)
def test_a_browser_writes_what_it_can_write_in_the_sessions_language(
    kind: Kind, values: list[float | None], locale: str | None, written: str | None
) -> None:
    cells = cells_of(values, kind, UTC)

    assert browser_format(kind, cells, language="fr", locale=locale) == written


def test_cells_are_what_they_sort_as() -> None:
    paris = ZoneInfo("Europe/Paris")
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    assert cells_of([424, None], "money", paris).to_pylist() == [4.24, None]
    assert cells_of([at, None], "moment", paris).to_pylist() == [datetime(2026, 7, 2, 0, 30), None]
    assert cells_of([datetime(1, 1, 1)], "simulated", paris).to_pylist() == [datetime(1, 1, 1)]
    assert cells_of([7, None, 8.0], "number", paris).to_pylist() == [7, None, 8]
    assert cells_of([2**53 + 2, None], "number", paris).type == pa.float64()
    assert cells_of([7, 7.5], "number", paris).to_pylist() == [7.0, 7.5]
    assert cells_of(["a", 7, None], "text", paris).to_pylist() == ["a", "7", None]


def a_table_in_french() -> None:
    import streamlit as st

    from pages.ui.table import TableColumn, show_table

    st.session_state["_language"] = "fr"
    rows: list[dict[str, float | None]] = [
        {"price": 123_456_789, "points": 1_234.5, "took": 72.0},
        {"price": None, "points": None, "took": None},
    ]
    columns = [
        TableColumn("price", "money", "Prix"),
        TableColumn("points", "number", "Points"),
        TableColumn("took", "duration", "Durée"),
    ]
    show_table(rows, columns, key="table", alt="Une table")


def displayed(page: AppTest) -> pd.DataFrame:
    written = page.dataframe[0].proto.arrow_data.styler.display_values
    frame: pd.DataFrame = pa.ipc.open_stream(written).read_pandas()
    return frame


def plain(text: object) -> str:
    """Return the text with a plain space in place of French's narrow no-break space."""
    return str(text).replace("\u202f", " ").replace("\xa0", " ")


@pytest.fixture
def app(peers: Peers, tmp_path: Path) -> Iterator[Application]:
    peers.bodies["catalogue-produit"] = catalogue(1)
    peers.bodies["crm"] = b"[]"
    yield from installed(peers.url, tmp_path)


@pytest.mark.parametrize(
    ("locale", "written"),
    [("fr-FR", ("euro", "DD/MM/YYYY HH:mm:ss")), ("en-DE", (None, "D MMM YYYY, HH:mm:ss"))],
)
def test_a_page_asks_the_browser_for_what_it_writes_as_we_do_and_writes_the_rest(
    app: Application, locale: str, written: tuple[str | None, str]
) -> None:
    app.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(10)
    page = Page.open(app, "products", locale=locale)
    [table] = page.at.dataframe
    columns = json.loads(table.proto.columns)

    found = [columns[name]["type_config"].get("format") for name in ("price_cents", "updated_at")]
    assert tuple(found) == written
    assert bool(table.proto.arrow_data.styler.display_values) == (written[0] is None)


def test_what_a_browser_cannot_write_is_written_for_it() -> None:
    page = AppTest.from_function(a_table_in_french, default_timeout=20).run()

    assert not page.exception
    assert [plain(cell) for cell in displayed(page).iloc[0]] == [
        "1 234 567,89 €",
        "1 234,50",
        "1 min 12 s",
    ]
    assert list(page.dataframe[0].value["price"].dropna()) == [1_234_567.89]
    assert Language("fr").money(123_456_789) == displayed(page).iloc[0, 0]
