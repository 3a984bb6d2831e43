"""The CRM's answers in either revision, and the records made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.datasets import CUSTOMERS
from ecommerce_core.datasets.customers import CustomerRecord
from ecommerce_core.domain import Fact, PeerContractError
from tests.support.peers import WIRE, customer, without_fingerprint
from tests.support.strategies import json_values


def parse(*records: Any) -> Any:
    return CUSTOMERS.parse(json.dumps(records).encode())


def test_the_captured_answer_becomes_customers() -> None:
    parsed = CUSTOMERS.parse((WIRE / "crm.api-data.json").read_bytes())

    assert parsed.rejected == []
    assert without_fingerprint(parsed.records[2]) == CustomerRecord(
        "a718975c-e7c6-11f1-974b-02fc00000001", "Anne", "Eddison-53", 154.0, 25.0, ""
    )


def test_the_later_revision_with_its_own_names_and_texts_for_numbers_is_understood() -> None:
    parsed = parse(
        {
            "IdClient": "u-1",
            "Prenom": "Anne",
            "Nom": "Durand",
            "Credit": "420",
            "Montant": "12.5",
            "Compte": "BKN1",
            "Email": "anne@example.org",
            "Age": 40,
            "NbRefus": 0,
        },
        {"IdClient": "u-2", "Prenom": "Jean", "Nom": "D", "Credit": 1, "Paiement": 3, "Compte": ""},
    )

    assert parsed.rejected == []
    assert list(map(without_fingerprint, parsed.records)) == [
        CustomerRecord("u-1", "Anne", "Durand", 420.0, 12.5, "BKN1"),
        CustomerRecord("u-2", "Jean", "D", 1.0, 3.0, ""),
    ]


def test_points_may_be_a_fraction_or_missing() -> None:
    record = customer(2)
    del record["fidelityPoint"]
    parsed = parse(customer(1, fidelityPoint=154.62542724609375), record)

    assert [record.loyalty_points for record in parsed.records] == [154.62542724609375, None]


@pytest.mark.parametrize(
    ("field", "value", "code", "details"),
    [
        ("fidelityPoint", True, "wrong_type", {"got": ["bool"]}),
        ("fidelityPoint", "much", "wrong_text", {"value": "'much'"}),
        ("fidelityPoint", "nan", "wrong_text", {"value": "'nan'"}),
        ("fidelityPoint", "1_000", "wrong_text", {"value": "'1_000'"}),
        ("fidelityPoint", "1٢", "wrong_text", {"value": "'1٢'"}),
        ("fidelityPoint", "1e999", "out_of_range", {}),
        ("fidelityPoint", 10**400, "out_of_range", {}),
        ("payment", 2**63, "out_of_range", {}),
        ("payment", [], "wrong_type", {"got": ["array"]}),
        ("firstName", None, "wrong_type", {"got": ["null"]}),
        ("lastName", "a\0b", "nul", {"field": "last_name"}),
        ("account", 12, "wrong_type", {"wanted": ["str", "null"], "got": ["int"]}),
        ("idClient", True, "wrong_type", {"got": ["bool"]}),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason_and_the_others_go_in(
    field: str, value: Any, code: str, details: dict[str, Any]
) -> None:
    parsed = parse(customer(1), customer(2, **{field: value}), customer(3))

    assert len(parsed.records) == 2
    assert parsed.rejected[0].position == 1
    reason = parsed.rejected[0].reason
    assert reason.code == code
    assert reason.details.items() >= {"field": field, **details}.items()


def test_a_customer_without_a_name_is_rejected() -> None:
    record = customer(1)
    del record["firstName"]

    assert parse(record).rejected[0].reason == Fact("missing", {"field": "firstName"})


def test_the_key_is_the_uuid_else_the_id_else_a_digest() -> None:
    by_id, by_digest = customer(2), customer(3)
    del by_id["idClient"], by_digest["idClient"], by_digest["id"]

    keys = [record.customer_id for record in parse(customer(1), by_id, by_digest).records]

    assert keys[0] == customer(1)["idClient"]
    assert keys[1] == "2"
    assert keys[2].endswith("-1")


def test_twins_without_identity_get_an_ordinal_and_keep_their_keys() -> None:
    twin = customer(1)
    del twin["idClient"], twin["id"]

    first, again = parse(twin, twin), parse(twin, twin)

    assert len(first.records) == 2
    assert [r.customer_id for r in first.records] == [r.customer_id for r in again.records]


@pytest.mark.parametrize("body", [b"{}", b"null", b"3", b"", b"<p>", b'{"clients": []}'])
def test_an_answer_that_is_no_list_names_the_crm(body: bytes) -> None:
    with pytest.raises(PeerContractError, match="crm sent"):
        CUSTOMERS.parse(body)


almost_customers = st.fixed_dictionaries(
    {},
    optional={
        name: json_values | st.text(max_size=8) | st.integers() | st.floats()
        for name in (
            "id",
            "idClient",
            "firstName",
            "Nom",
            "lastName",
            "Credit",
            "payment",
            "Compte",
        )
    },
)


@given(st.lists(almost_customers | json_values, max_size=12))
def test_any_list_at_all_gives_records_and_rejections_that_add_up(records: list[Any]) -> None:
    parsed = parse(*records)

    assert parsed.fetched == len(records) == len(parsed.records) + parsed.rejected_count
    assert len({record.customer_id for record in parsed.records}) == len(parsed.records)
