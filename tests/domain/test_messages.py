"""Facts as codes: one template each, in every language, filled in by its details."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator

import msgspec
import pytest

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.domain import Fact, Language, PeerTimedOut, advice, make_fact, said
from ecommerce_core.domain.messages import ADVICE, TEMPLATES, text
from tests.support.messages import sources
from tests.support.peers import product

EN, FR = Language("en"), Language("fr")


def fields(template: str) -> dict[str, str]:
    """Return the names in a template, each with its format."""
    parts = string.Formatter().parse(template)
    return {name: form or "" for _, name, form, _ in parts if name is not None}


def calls_with_codes() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of the sources that is given a code, with that code."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            first = node.args[0] if isinstance(node, ast.Call) and node.args else None
            if isinstance(node, ast.Call) and isinstance(first, ast.Constant):
                name = ast.unparse(node.func).rpartition(".")[2]
                code = str(first.value)
                if code in TEMPLATES and (name == "make_fact" or name[0].isupper()):
                    yield code, node


@pytest.mark.parametrize("code", TEMPLATES)
def test_every_code_has_a_text_in_both_languages_that_its_details_fill_in(code: str) -> None:
    wanted = fields(TEMPLATES[code])
    details = {name: 7 if form else f"<{name}>" for name, form in wanted.items()}
    fact = make_fact(code, **details)

    for language in (EN, FR):
        told = language.fact(fact)
        assert all(str(value) in told for value in details.values())
        assert not told.startswith(f"{code} ")
    assert fields(FR.text(TEMPLATES[code])) == wanted
    assert code == "said" or FR.fact(fact) != EN.fact(fact)


def test_who_gives_a_code_gives_the_details_that_its_template_wants() -> None:
    found = list(calls_with_codes())
    assert len(found) > 100
    for code, call in found:
        given = {keyword.arg for keyword in call.keywords}
        assert None in given or fields(TEMPLATES[code]).keys() <= given, ast.unparse(call)


def test_no_code_is_left_that_nobody_gives() -> None:
    constants = {
        node.value
        for path in sources()
        if path.parent.name != "messages"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # These are made of a code and of fields by text() and read_answer().
    made = {"in_field", "said", "peer_refused_with_reason", "peer_failed_with_reason"}
    assert set(TEMPLATES) - constants <= made


def test_an_error_is_told_in_the_readers_language() -> None:
    late = PeerTimedOut("peer_silent", peer="crm", seconds=3.0)

    assert EN.fact(late.fact) == str(late) == "crm did not answer within 3 s"
    assert FR.fact(late.fact) == "crm n’a pas répondu en 3 s"


def test_a_fact_within_a_fact_is_told_in_the_same_language() -> None:
    first = make_fact("wrong_type", field="prix", wanted=["int", "null"], got=["bool"])
    failed = make_fact("no_record_taken", peer="crm", count=3, reason=first)

    assert EN.fact(first) == "prix: expected a whole number or null, got true or false"
    assert FR.fact(failed).endswith(
        "prix : attendu : un nombre entier ou null, reçu : vrai ou faux"
    )


def test_a_fact_comes_back_from_json_as_it_was() -> None:
    first = make_fact("wrong_type", field="prix", wanted=["int"], got=["str"])
    fact = make_fact("no_record_taken", peer="crm", count=3, reason=first)

    assert msgspec.json.decode(msgspec.json.encode(fact), type=Fact) == fact


def test_what_a_newer_version_or_another_hand_wrote_is_shown_as_it_is() -> None:
    assert text("of_tomorrow", {"n": 7}, str) == "of_tomorrow n=7"
    assert text("peer_silent", {"peer": "crm"}, FR.text) == "peer_silent peer=crm"
    assert text("peer_silent", {"peer": "crm", "seconds": "3"}, str) == (
        "peer_silent peer=crm seconds=3"
    )


def test_somebodys_own_words_are_shown_as_they_were_said() -> None:
    words = "the answer would withdraw {21} of 40 rows"

    assert EN.fact(said(words)) == FR.fact(said(words)) == words
    assert FR.fact(None) == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prix", "dear"),
        ("prix", None),
        ("prix", -1),
        ("prix", 10**30),
        ("prix", True),
        ("codeProduit", ""),
        ("codeProduit", "x" * 5_000),
        ("descriptionProduit", "a\0b"),
        ("familleProduit", ["TV"]),
    ],
)
def test_what_the_decoder_says_of_a_bad_record_has_a_french_of_its_own(
    field: str, value: object
) -> None:
    record = {**product(1), field: value}
    parsed = PRODUCTS.parse(json.dumps({"produits": [record, product(2)]}).encode())
    [rejected] = parsed.rejected

    assert rejected.reason.code != "said"
    assert not set(FR.fact(rejected.reason).split()) & {"expected", "got", "is", "must", "out"}


# The sources of a run's errors: the connection to a peer, its answer, and the database.
FAILURES = [code for code, template in TEMPLATES.items() if "{peer}" in template]
OUR_OWN = ("task_", "routes_", "not_an_administration", "answered_by_another")


@pytest.mark.parametrize("code", [one for one in FAILURES if not one.startswith(OUR_OWN)])
def test_every_error_of_a_peer_has_an_advice_of_its_own(code: str) -> None:
    assert advice(code) != advice("unforeseen_error")


@pytest.mark.parametrize(
    ("code", "begins"),
    [
        ("gateway_refuses", "Check that the gateway is running"),
        ("no_route", "Add a route for this service"),
        ("peer_down", "Fetch again once"),
        ("peer_refused_with_reason", "The service refuses our request"),
        ("peer_failed", "The service is having problems"),
        ("answer_of_another_shape", "The answer does not match"),
        ("store_busy", "Another program"),
        ("disk_full", "Free up disk space"),
        ("process_ended", "The server stopped"),
        ("unforeseen_error", "Fetch again; if it persists"),
        ("said", "Fetch again; if it persists"),
    ],
)
def test_the_advice_goes_by_the_code(code: str, begins: str) -> None:
    assert advice(code).startswith(begins)


def test_advice_is_for_codes_that_there_are_and_speaks_french() -> None:
    assert ADVICE.keys() <= TEMPLATES.keys()
    assert all(FR.text(todo) != todo for todo in ADVICE.values())
