"""The catalogue's answers, and the records made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.datasets.products import ProductRecord
from ecommerce_core.domain import Fact, PeerContractError
from tests.support.peers import WIRE, product, without_fingerprint
from tests.support.strategies import json_values


def parse(*records: Any) -> Any:
    return PRODUCTS.parse(json.dumps({"produits": records}).encode())


def test_the_captured_answer_becomes_products() -> None:
    parsed = PRODUCTS.parse((WIRE / "catalogue-produit.api-data.json").read_bytes())

    assert parsed.fetched == 8
    assert parsed.rejected == []
    assert without_fingerprint(parsed.records[0]) == ProductRecord(
        "X1-0", "Frigos", "Frigos:P1-0", 424, 15, 2, 1
    )


def test_a_later_revision_with_more_fields_and_no_id_is_understood() -> None:
    record = product("A", exclusivite="web", prixFournisseur=12, dateCreation="2019-01-01")
    del record["id"]

    parsed = parse(record)

    assert parsed.rejected == []
    assert parsed.records[0].catalogue_id is None


@pytest.mark.parametrize(
    ("field", "value", "code", "details"),
    [
        ("prix", True, "wrong_type", {"wanted": ["int"], "got": ["bool"]}),
        ("prix", "424", "wrong_type", {"wanted": ["int"], "got": ["str"]}),
        ("prix", 4.5, "wrong_type", {"wanted": ["int"], "got": ["float"]}),
        ("prix", -1, "too_small", {"limit": "0"}),
        ("prix", 2**63, "too_large", {"limit": str(2**63 - 1)}),
        ("prix", 10**400, "too_large", {"limit": str(2**63 - 1)}),
        ("prix", None, "wrong_type", {"wanted": ["int"], "got": ["null"]}),
        ("id", True, "wrong_type", {"wanted": ["int", "null"], "got": ["bool"]}),
        ("codeProduit", "", "empty", {}),
        ("codeProduit", 7, "wrong_type", {"wanted": ["str"], "got": ["int"]}),
        ("descriptionProduit", "x" * 1_000_000, "too_long", {"count": 4_000}),
        ("descriptionProduit", "a\0b", "nul", {"field": "description"}),
        ("familleProduit", ["Frigos"], "wrong_type", {"wanted": ["str"], "got": ["array"]}),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason_and_the_others_go_in(
    field: str, value: Any, code: str, details: dict[str, Any]
) -> None:
    parsed = parse(product("A"), product("B", **{field: value}), product("C"))

    assert [record.code for record in parsed.records] == ["A", "C"]
    (bad,) = parsed.rejected
    assert bad.position == 1
    assert bad.reason == Fact(code, {"field": field, **details})
    assert len(bad.record) <= 2_048


def test_a_missing_field_is_named() -> None:
    record = product("A")
    del record["prix"]

    assert parse(record).rejected[0].reason == Fact("missing", {"field": "prix"})


def test_a_record_that_is_no_object_is_rejected() -> None:
    parsed = parse(5, product("A"))

    wanted = Fact("wrong_type", {"wanted": ["object"], "got": ["int"]})
    assert parsed.rejected[0].reason == wanted
    assert parsed.hides_keys


def test_of_two_records_with_one_key_the_last_counts_and_the_earlier_is_rejected() -> None:
    parsed = parse(
        product("A", price=1), product("B"), product("A", price=2), product("A", price=3)
    )

    assert {record.code: record.price_cents for record in parsed.records} == {"B": 100, "A": 3}
    assert [bad.position for bad in parsed.rejected] == [0, 2]
    assert parsed.rejected[0].reason == Fact("twin", {"position": 2})
    assert parsed.fetched == len(parsed.records) + parsed.rejected_count


@pytest.mark.parametrize(
    "poison",
    [b'"prix":NaN', b'"prix":Infinity', b'"prix":-Infinity', b'"prix":1,"x":"\\ud800"'],
)
def test_one_record_that_is_no_strict_json_does_not_cost_the_others(poison: bytes) -> None:
    good = json.dumps(product("A")).encode()
    bad = b'{"codeProduit":"B","familleProduit":"f","descriptionProduit":"d",' + poison + b"}"
    parsed = PRODUCTS.parse(b'{"more":[{"x":NaN}],"produits":[' + good + b" , " + bad + b"]}")

    assert list(map(without_fingerprint, parsed.records)) == [
        ProductRecord("A", "Frigos", "Frigos:P1-A", 100, 15, 2, None)
    ]
    assert [(bad.position, bad.key) for bad in parsed.rejected] == [(1, "B")]


def test_of_duplicate_fields_in_one_record_the_last_counts() -> None:
    body = b'{"codeProduit":"A","familleProduit":"f","descriptionProduit":"d","prix":1,"prix":2}'

    (record,) = PRODUCTS.parse(b'{"produits":[' + body + b"]}").records
    assert isinstance(record, ProductRecord)
    assert record.price_cents == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html><h1>Hello</h1></html>", "not JSON"),
        (b'{"produits": [{"codeProduit": "A"', "not JSON"),
        (b'{"produits": []', "not JSON"),
        (b'{"produits": []} trailing', "not JSON"),
        (b"[" * 200_000, "not JSON|another shape"),
        (b'{"produits":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001, "nested too deeply"),
        (b"5", "expected an object, got a whole number"),
        (b'"text"', "expected an object, got a text"),
        (b"null", "expected an object, got null"),
        (b"[]", "expected an object, got a list"),
        (b"{}", "produits is missing"),
        (b'{"produits": null}', "produits: expected a list, got null"),
        (b'{"produits": {}}', "produits: expected a list, got an object"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_an_answer_of_another_shape_names_the_peer_and_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(PeerContractError, match=reason) as caught:
        PRODUCTS.parse(body)

    assert caught.value.peer == "catalogue-produit"
    assert "catalogue-produit" in str(caught.value)


def test_an_empty_list_is_an_answer() -> None:
    assert PRODUCTS.parse(b'{"produits": []}').fetched == 0


def test_a_byte_order_mark_does_no_harm() -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"produits": [product("A")]}).encode()

    assert len(PRODUCTS.parse(body).records) == 1


def test_rejected_records_are_counted_beyond_those_that_are_kept() -> None:
    parsed = parse(*[{"codeProduit": f"B{n}"} for n in range(1_005)])

    assert parsed.rejected_count == 1_005
    assert len(parsed.rejected) == 1_000
    assert len(parsed.rejected_keys) == 1_005


almost_products = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "codeProduit": st.sampled_from(["A", "B", ""]) | json_values,
        "familleProduit": st.text() | json_values,
        "descriptionProduit": st.text() | json_values,
        "quantiteMin": json_values,
        "packaging": json_values,
        "prix": st.integers() | json_values,
    },
)


@given(st.lists(almost_products | json_values, max_size=12))
def test_any_list_at_all_gives_records_and_rejections_that_add_up(records: list[Any]) -> None:
    parsed = parse(*records)

    assert parsed.fetched == len(records) == len(parsed.records) + parsed.rejected_count
    assert len({record.code for record in parsed.records}) == len(parsed.records)
    for record in parsed.records:
        assert 0 <= record.price_cents < 2**63
        record.description.encode()  # no half of a surrogate pair gets through


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_at_all_give_records_or_a_clear_error(body: bytes) -> None:
    try:
        parsed = PRODUCTS.parse(body)
    except PeerContractError as error:
        assert "catalogue-produit" in str(error)
    else:
        assert parsed.fetched == len(parsed.records) + parsed.rejected_count
