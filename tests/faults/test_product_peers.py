"""Faults of a peer, or of the gateway: the server, its pages and its journal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import RunStatus
from tests.faults import peer as faults
from tests.faults.product import MB, PAGES, ROWS, Product, running_product, said
from tests.support.peers import customer
from tests.support.peers import product as record
from tests.support.peers import products as records
from tests.support.server import Session
from tests.support.waiting import until

GOOD = json.dumps({"produits": records(ROWS)}).encode()
DEEP = b"[" * 200_000 + b"]" * 200_000

TRANSPORT = {
    "never answers": (faults.never_answer(), "did not answer within 1 s"),
    "drips a body": (faults.drip_body(interval_s=0.2), "did not finish within 2 s"),
    "drips headers": (faults.drip_headers(interval_s=0.2), "did not finish within 2 s"),
    "silent in the middle": (
        faults.silent_after(faults.head(200, {}, 10) + b"["),
        "fell silent for 1 s in the middle",
    ),
    "hangs up": (faults.hang_up(), "closed the connection without an answer"),
    "resets": (faults.reset(), "closed the connection"),
    "closes in mid-body": (faults.cut_body(GOOD), "in the middle of its answer"),
    "Content-Length too long": (faults.long_length(GOOD), "in the middle of its answer"),
    "Content-Length too short": (faults.short_length(GOOD), "not JSON"),
    "chunked, cut": (faults.answer_chunked(GOOD, cut=True), "in the middle of its answer"),
    "chunked, no end": (faults.answer_chunked(GOOD, end=False), "in the middle of its answer"),
    "gzip, cut": (faults.answer_gzip(GOOD, keep=100), "cut|in the middle|decompressed|not JSON"),
    "HTML with 200": (faults.answer_html(), "not JSON"),
    "no HTTP at all": (faults.answer_raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "a valid HTTP answer"),
}
GATEWAY = {
    f"the gateway's {status} in {'HTML' if as_html else 'JSON'}": (
        faults.gateway_no_route(as_html=as_html)
        if status == 404
        else faults.gateway_error(status, as_html=as_html),
        "has no route for" if status == 404 else rf"is down \({status}\)",
    )
    for status in (404, 502, 504)
    for as_html in (False, True)
}
GATEWAY |= {
    "500 in HTML": (faults.answer_html("<b>boom</b>", status=500), "answered 500: boom"),
    "422": (faults.answer_html("Unprocessable", status=422), "answered 422: Unprocessable"),
    "markup as a reason": (
        faults.answer_json("**:red[x]** $y$ [l](http://x) :material/home:", status=500),
        "answered 500",
    ),
}
REDIRECTS = {
    f"301 to {where}": (faults.redirect(where), reason)
    for where, reason in {
        "http://evil.example/api/data": "redirects away from the gateway",
        "http://127.0.0.1:9/api/data": "redirects away from the gateway",
        "file:///etc/passwd": "redirects away from the gateway",
        "//evil.example/": "redirects away from the gateway",
        "": "redirects away from the gateway, to .nowhere",
        "/api/data": "redirected more than",
    }.items()
}
SHAPES = {
    name: (faults.answer_bytes(body), reason)
    for name, (body, reason) in {
        "a number": (b"5", "expected an object, got a whole number"),
        "a text": (b'"x"', "expected an object, got a text"),
        "null": (b"null", "expected an object, got null"),
        "an object without produits": (b"{}", "produits is missing"),
        "produits that is no list": (b'{"produits": 5}', "expected a list"),
        "nothing": (b"", "not JSON"),
        "nested 200,000 deep": (DEEP, "another shape|not JSON"),
        "nested 200,000 deep in produits": (b'{"produits":' + DEEP + b"}", "expected an object"),
        "an object nested 200,000 deep": (b'{"produits":' * 200_000, "not JSON|another shape"),
        "a bare NaN": (b"NaN", "not JSON|another shape"),
        "not UTF-8": (b"\xff\xfe\x00", "not JSON"),
        "every record bad": (
            json.dumps({"produits": [record(n, price=-1) for n in range(ROWS)]}).encode(),
            f"none of the {ROWS} records .* prix: must be at least 0",
        ),
    }.items()
}
FAULTS = TRANSPORT | GATEWAY | REDIRECTS | SHAPES
CRM_FAULTS = {
    "HTML with 200": (faults.answer_html(), "not JSON"),
    "an object": (faults.answer_json({"produits": []}), "expected a list, got an object"),
    "null": (faults.answer_bytes(b"null"), "expected a list, got null"),
    "the gateway's 502": (faults.gateway_error(502, as_html=True), "is down"),
    "every record bad": (
        faults.answer_json([customer(1, fidelityPoint=True), customer(2, payment="much")]),
        "none of the 2 records",
    ),
}
_others = cycle(page for page in PAGES if page != "products")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("peers")) as running:
        for dataset in DATASETS:
            running.assert_takes_the_next_good_answer(dataset)
        running.assert_every_page_is_alive()
        yield running
        running.assert_takes_the_next_good_answer()
        running.assert_every_page_is_alive()
        running.assert_log_is_clean()


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_catalogue_does_the_run_fails_in_words_and_the_next_one_succeeds(
    product: Product, fault: str
) -> None:
    behaviour, reason = FAULTS[fault]
    before = product.rows()
    product.peer.play(behaviour, host="catalogue-produit")

    answer = product.post()

    product.assert_failed(answer, reason, "products")
    assert product.rows() == before
    product.read(next(_others))
    product.assert_takes_the_next_good_answer()
    product.assert_log_is_clean()


@pytest.mark.parametrize("fault", CRM_FAULTS)
def test_whatever_the_crm_does_the_run_fails_in_words_and_the_next_one_succeeds(
    product: Product, fault: str
) -> None:
    behaviour, reason = CRM_FAULTS[fault]
    before = product.rows("customers")
    product.peer.play(behaviour, host="crm")

    answer = product.post("customers")

    product.assert_failed(answer, reason, "customers")
    assert product.rows("customers") == before
    product.assert_takes_the_next_good_answer("customers")


def test_a_gateway_that_refuses_connections_takes_no_page_down(product: Product) -> None:
    product.peer.refuse()
    try:
        product.assert_failed(product.post(), "the gateway refuses connections", "products")
        product.assert_failed(product.post("customers"), "refuses connections", "customers")
        product.assert_every_page_is_alive()
        assert "refuses connections" in product.read("activity")
    finally:
        product.peer.accept()
    for dataset in DATASETS:
        product.assert_takes_the_next_good_answer(dataset)


def test_a_redirect_to_the_same_place_with_a_slash_is_followed(product: Product) -> None:
    product.serve()
    good = faults.answer_json({"produits": records(ROWS, price=9)})
    product.peer.play(good, host="catalogue-produit", path="/api/data/")
    product.peer.play(faults.redirect("/api/data/"), host="catalogue-produit")

    assert product.post().text.startswith("Done")
    assert product.rows() == {9: ROWS}


BOMBS = {
    "300 MB of zeros, packed": faults.gzip_bomb(),
    "600 MB, announced": faults.flood(),
    "600 MB, not announced": faults.flood(with_length=False),
    "600 MB in chunks, never ending": faults.answer_chunked(bytes(40 * MB), chunk_bytes=MB),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_too_much_is_refused_in_little_memory(product: Product, bomb: str) -> None:
    before = product.rows()
    product.peer.play(BOMBS[bomb], host="catalogue-produit")

    with product.little_memory(60 * MB):
        answer = product.post()

    product.assert_failed(answer, "sent more than 16 MB, the most that is accepted", "products")
    assert product.rows() == before
    product.assert_takes_the_next_good_answer()


def spoilt(**fields: Any) -> bytes:
    """Return a record that is bad, or at least odd, in one place."""
    return json.dumps(record("X1-bad", **fields)).encode()


BAD = spoilt(prix=12345)
RECORDS = {
    "NaN": (BAD.replace(b"12345", b"NaN"), "."),
    "Infinity": (BAD.replace(b"12345", b"Infinity"), "."),
    "10^400": (BAD.replace(b"12345", b"1" + b"0" * 400), "prix"),
    "1e400": (BAD.replace(b"12345", b"1e400"), "."),
    "2^63": (spoilt(prix=2**63), "prix"),
    "true for a price": (spoilt(prix=True), "prix: expected a whole number"),
    "true for an id": (spoilt(id=True), "id: expected"),
    "-1 for a price": (spoilt(prix=-1), "prix: must be at least 0"),
    "a fraction for a price": (spoilt(prix=1.5), "prix: expected a whole number"),
    "a lone surrogate": (spoilt(familleProduit="\ud800"), "surrogate pair"),
    "NUL": (spoilt(descriptionProduit="a\0b"), "contains a NUL"),
    "NUL in the key": (spoilt(codeProduit="a\0b"), "contains a NUL"),
    "1 MB of text": (spoilt(descriptionProduit="x" * MB), "longer than 4,000 characters"),
    "1 MB of key": (spoilt(codeProduit="k" * MB), "longer than 200 characters"),
    "200,000 nested arrays": (BAD.replace(b"12345", DEEP), "."),
    "no key": (b"{}", "codeProduit is missing"),
    "no record": (b"5", "expected an object"),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_that_cannot_be_taken_is_rejected_by_name_and_the_others_go_in(
    product: Product, kind: str
) -> None:
    raw, reason = RECORDS[kind]
    good = records(ROWS, price=700)
    body = json.dumps({"produits": good}).encode().replace(b"[", b"[" + raw + b", ", 1)
    product.peer.play(faults.answer_bytes(body), host="catalogue-produit")

    answer = product.post()

    if "nested" in kind and answer.status_code == 502:
        # Too deep to find where the record ends, so the whole answer is refused.
        product.assert_failed(answer, "nested too deeply|not JSON", "products")
    else:
        assert answer.text.startswith("Done"), answer.text
        run = product.last_run()
        assert (run.status, run.counts.rejected) == (RunStatus.PARTIAL, 1)
        [rejected] = product.store.list_rejected(run.id)
        assert (rejected.position, rejected.record[:1]) == (0, raw[:1].decode())
        assert re.search(reason, str(rejected.reason)), rejected.reason
        assert product.rows() == {700: ROWS}
        assert "partial" in product.read("activity")
        assert "X1-0" in product.read("products")
    product.assert_takes_the_next_good_answer()
    product.assert_log_is_clean()


def test_of_duplicate_json_keys_the_last_counts(product: Product) -> None:
    body = json.dumps({"produits": records(ROWS)}).replace('"prix": 100', '"prix": 1, "prix": 7')
    product.peer.play(faults.answer_bytes(body.encode()), host="catalogue-produit")

    assert product.post().text.startswith("Done")
    assert product.rows() == {7: ROWS}


@pytest.mark.parametrize(("kept", "dataset"), [(0, "products"), (14, "products"), (0, "customers")])
def test_an_answer_that_lost_more_than_half_is_held_and_the_next_good_one_supersedes_it(
    product: Product, kept: int, dataset: str
) -> None:
    product.assert_takes_the_next_good_answer(dataset)
    before = product.rows(dataset)
    host = DATASETS[dataset].peer
    few: Any = {"produits": records(kept)} if dataset == "products" else []
    product.peer.play(faults.answer_json(few), host=host)

    answer = product.post(dataset)

    assert (answer.status_code, answer.text[:5]) == (202, "Held:")
    run = product.last_run(dataset)
    assert (run.status, run.counts.withdrawn) == (RunStatus.HELD, ROWS - kept)
    assert product.last_delivery(run).outcome == "executed"
    assert product.rows(dataset) == before
    assert "A fetch is held" in product.read(dataset)
    assert "A fetch is held" in product.read("")
    product.assert_takes_the_next_good_answer(dataset)
    assert "A fetch is held" not in product.read(dataset)


def test_half_the_list_and_not_more_withdraws_the_other_half(product: Product) -> None:
    product.peer.play(
        faults.answer_json({"produits": records(ROWS // 2, price=5)}), host="catalogue-produit"
    )

    assert product.post().text.startswith("Done")
    assert product.rows() == {5: ROWS // 2}
    assert product.store.totals(DATASETS["products"]).withdrawn == ROWS // 2
    product.assert_takes_the_next_good_answer()
    assert product.store.totals(DATASETS["products"]).withdrawn == 0


def test_a_click_that_meets_a_fault_says_so_on_the_page_and_the_next_click_does_not(
    product: Product,
) -> None:
    page = Session(product.server, "products")
    product.peer.play(faults.answer_html(), host="catalogue-produit")
    known = product.last_run().id
    page.click("fetch_products")
    until(lambda: product.last_run().id > known and product.last_run().status is RunStatus.FAILED)
    page.rerun()
    assert "The last fetch failed" in said(page)
    assert "X1-0" in str(page.element("products_table"))

    product.serve()
    page.click("fetch_products")
    until(lambda: product.last_run().status.is_good)
    page.rerun()
    assert "The last fetch failed" not in said(page)
