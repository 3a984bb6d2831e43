"""What a peer, or anybody whose text reaches us, can do: not much."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.access import LOCAL
from ecommerce_core.application import Application
from ecommerce_core.catalogue import PRODUCTS
from ecommerce_core.crm import CUSTOMERS
from ecommerce_core.dataset import Row
from ecommerce_core.models import Counts, Customer, Run, RunStatus, Trigger
from ecommerce_core.query import Query
from ecommerce_core.settings import Settings
from tests.bench.bench_memory import measure, write_answer
from tests.data_routes.written import AT, row, written
from tests.peers import Peers, product, products


@contextmanager
def running(settings: Settings, peers: Peers) -> Iterator[Callable[[], Run]]:
    """An application with these settings; what is yielded fetches its products."""
    application = Application.open(settings, gateway_url=peers.url)
    application.start(watch=False)
    try:
        yield lambda: application.request_sync(
            "products", actor=LOCAL, trigger=Trigger.MANUAL
        ).wait(60)
    finally:
        application.stop(timeout_s=5)


@pytest.mark.parametrize(
    "kind",
    [
        "french_products",
        "empty_records",
        "tiny_rejected",
        "deep_nesting",
        "one_long_record",
        "nearly_json",
    ],
)
def test_an_answer_costs_a_small_multiple_of_its_size_in_memory(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "answer.json"
    write_answer(file, kind, 10_000_000)

    held, _, _ = measure(file, full=False, only_hold=True)
    peak, _, _ = measure(file, full=False, only_hold=False)

    assert peak - held < 4 * 10_000_000


def test_fifteen_megabytes_of_empty_records_are_counted_and_a_thousand_of_them_kept(
    settings: Settings, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 4_999_999 + b"{}]}"

    with running(replace(settings, deadline_s=120), peers) as fetch:
        run = fetch()

    assert run.status is RunStatus.FAILED
    assert run.counts == Counts(fetched=5_000_000, rejected=5_000_000)


def test_the_deadline_holds_while_records_are_split_and_decoded(
    settings: Settings, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 9_999_998 + b"{}]}"

    with running(replace(settings, deadline_s=1), peers) as fetch:
        run = fetch()

    assert run.status is RunStatus.FAILED
    assert "before the deadline" in str(run.error)
    assert run.duration_s is not None
    assert run.duration_s < 4  # all of them take six seconds and more


def test_an_answer_of_more_records_than_are_taken_changes_nothing(
    settings: Settings, peers: Peers
) -> None:
    with running(replace(settings, max_records=20), peers) as fetch:
        peers.serve_products(products(20))
        good = fetch()
        peers.serve_products(products(21, price=7))
        bad = fetch()
        peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 20 + b"{}]}"
        empty = fetch()

    assert (good.status, good.counts.added) == (RunStatus.SUCCEEDED, 20)
    assert [bad.status, empty.status] == [RunStatus.FAILED, RunStatus.FAILED]
    assert "more than the 20 records" in str(bad.error)
    assert "more than the 20 records" in str(empty.error)


def test_of_many_rejected_records_the_good_one_goes_in_and_the_rows_of_the_others_stay(
    settings: Settings, peers: Peers
) -> None:
    with running(settings, peers) as fetch:
        peers.serve_products(products(30))
        fetch()
        bad = [{"codeProduit": f"B-{number}"} for number in range(150_000)]
        peers.serve_products([*bad, product(1, price=9)])
        run = fetch()

    # More keys than are kept: any row might be one of theirs, so that none is withdrawn.
    assert run.status is RunStatus.PARTIAL
    assert run.counts == Counts(fetched=150_001, updated=1, rejected=150_000)


# What OWASP lists, and what a spreadsheet takes for the same; written out, not asked of the guard.
SIGNS = set("=+-@\uff1d\uff0b\uff0d\uff20")
LIVE_TEXTS = [
    "=1+1",
    "+33612345678",
    "-2+3",
    "@SUM(1)",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "a;=1+1",
    "a,=1+1",
    "a\t=1+1",
    "a|=1+1",
    "a\n=1+1",
    "a\r=1+1",
    "a\r\n=1+1",
    "\t=1+1",
    "\n=1+1",
    "\r=1+1",
    ' "=1+1',
    '";=1+1',
    '"";"=1+1',
    "\u200b=1+1",
    "\ufeff\uff1d1",
    "\u202e=1",
    "a; \u00a0\u2060-1",
]


def cells(body: bytes, delimiter: str) -> Iterator[str]:
    """Every cell, as a spreadsheet has them that separates by this sign."""
    for line in csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter):
        yield from line


def is_live(cell: str) -> bool:
    passed_over = (
        sign
        for sign in cell
        if sign != '"' and unicodedata.category(sign) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}
    )
    return next(passed_over, "") in SIGNS


def live_cells(body: bytes) -> list[str]:
    """The cells that would run under any separator in use."""
    return [cell for delimiter in ",;\t|" for cell in cells(body, delimiter) if is_live(cell)]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_text_of_a_peer_is_a_live_cell_whatever_separates_cells(
    settings: Settings, peers: Peers, language: str
) -> None:
    wire = [product(f"P{n}", descriptionProduit=text) for n, text in enumerate(LIVE_TEXTS)]
    wire += [product(text) for text in LIVE_TEXTS]
    peers.serve_products([*wire, product("00123", descriptionProduit="0612345678")])
    application = Application.open(settings, gateway_url=peers.url)
    application.start(watch=False)
    try:
        application.request_sync("products", actor=LOCAL, trigger=Trigger.MANUAL).wait(30)
        rows = [row for rows in application.reader.iter_rows(PRODUCTS, Query()) for row in rows]
    finally:
        application.stop(timeout_s=5)

    body = written("csv", *rows, language=language)

    assert len(rows) == 2 * len(LIVE_TEXTS) + 1
    assert live_cells(body) == []
    delimiter = {"en": ",", "fr": ";"}[language]
    lines = list(csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    assert {len(line) for line in lines} == {12}
    assert ["00123", "Frigos", "0612345678"] in [line[:3] for line in lines]


@pytest.mark.parametrize(
    ("language", "payment", "points"), [("en", "-2.5", "-1.0"), ("fr", "-2,5", "-1,0")]
)
def test_a_negative_number_stays_a_number_in_either_language(
    language: str, payment: str, points: str
) -> None:
    customer_row = Customer("-1", "A", "=B", -1.0, -2.5, "", AT, AT, None)

    body = written("csv", customer_row, dataset=CUSTOMERS, language=language)

    delimiter = {"en": ",", "fr": ";"}[language]
    _, line = csv.reader(StringIO(body.decode("utf-8-sig")), delimiter=delimiter)
    assert line[:5] == ["'-1", "A", "'=B", points, payment]


def test_in_excel_files_texts_are_texts_and_numbers_numbers() -> None:
    openpyxl: Any = pytest.importorskip("openpyxl")

    texts = ["=1+1", "\uff1d1", "00123", "0612345678", "-5", "a;=1"]
    rows: list[Row] = [row(f"P{n}", description=text) for n, text in enumerate(texts)]
    body = written("xlsx", *rows)

    sheet = openpyxl.load_workbook(BytesIO(body))["Products"]
    read = [(cell.value, cell.data_type) for cell in sheet["C"][1:]]
    assert read == [(text, "s") for text in texts]
    assert sheet["D2"].value == 1234.05


ANY_TEXT = st.text(
    st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20;,|\t\r\n\"' \u200b\u00a0a1")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=12,
)


@given(
    texts=st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=5),
    language=st.sampled_from(["en", "fr"]),
)
def test_whatever_the_texts_no_cell_is_live_under_any_separator(
    texts: list[tuple[str, str]], language: str
) -> None:
    rows: list[Row] = [row(code, description=text) for code, text in texts]
    assert live_cells(written("csv", *rows, language=language)) == []
