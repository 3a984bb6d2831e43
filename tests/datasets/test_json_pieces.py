"""Splitting a list gives the same records for every size of the pieces."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.datasets import PRODUCTS
from ecommerce_core.datasets.json_pieces import split_strictly
from ecommerce_core.datasets.lenient_json import split_leniently
from ecommerce_core.domain import PeerTimedOut, PeerTooLarge
from tests.support.peers import products

# Texts with every sign that could be taken for the end of a record.
TEXT = st.text(st.sampled_from('},{"][\\:é a'), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), ("\n,", ":\t")])


def silent() -> None:
    """Do nothing."""


@given(records=st.lists(VALUE, max_size=12), separators=SEPARATORS, piece=st.integers(1, 60))
def test_a_list_is_split_into_its_records_whatever_they_are(
    records: list[Any], separators: tuple[str, str], piece: int
) -> None:
    text = json.dumps(records, separators=separators, ensure_ascii=False).encode()

    pieces = list(split_strictly(memoryview(text), beat=silent, piece_bytes=piece))

    assert [json.loads(bytes(raw)) for raws in pieces for raw in raws] == records


@given(records=st.lists(VALUE, max_size=12), separators=SEPARATORS)
def test_the_slower_road_finds_the_same_records(
    records: list[Any], separators: tuple[str, str]
) -> None:
    answer = {"before": [{"produits": [1]}], "produits": records, "after": {"x": "]}"}}
    text = json.dumps(answer, separators=separators, ensure_ascii=False).encode()

    pieces = split_leniently(text, list_name="produits", beat=silent)

    assert [json.loads(raw) for raws in pieces for raw in raws] == records


def test_the_slower_road_passes_over_more_than_it_looks_at_once() -> None:
    long, many = "é" * 400_000, [{"n": n} for n in range(200_000)]
    text = json.dumps({"produits": [{"a": long}, *many, {"b": long}]}, ensure_ascii=False)

    pieces = split_leniently(text.encode(), list_name="produits", beat=silent)

    found = [json.loads(raw) for raws in pieces for raw in raws]
    assert found == [{"a": long}, *many, {"b": long}]


@pytest.mark.parametrize("number", [b"12.5", b"1e9", b"1e+9", b"-0.5E-7", b"12", b"NaN"])
def test_a_number_may_stand_where_a_look_of_the_slower_road_ends(number: bytes) -> None:
    head, name = b'{"produits":[NaN],"long":"', b'","n":'
    for inside in range(len(number) + 1):
        filling = b"x" * (2**20 - len(head) - len(name) - inside)
        text = head + filling + name + number + b"}"
        assert text[: 2**20].endswith(name + number[:inside])

        assert list(split_leniently(text, list_name="produits", beat=silent)) == [[b"NaN"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[NaN",
        b"[NaN,",
        b"[NaN,]",
        b"[NaN}",
        b"[NaN] x",
        b"[NaN],[NaN]",
        b"[" + b"0" * (2**20 + 1) + b"]",
        b'["' + b"x" * 2**20 + b'",NaN]',
        b"[NaN," + b" " * 2**21,
    ],
)
def test_the_slower_road_takes_no_list_that_is_cut_or_followed_or_has_too_long_a_record(
    body: bytes,
) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(split_leniently(body, list_name=None, beat=silent))


@pytest.mark.parametrize(
    "body",
    [
        b'{"produits":[NaN]',
        b'{"produits":[NaN],}',
        b'{"produits" [NaN]}',
        b"{produits:[NaN]}",
        b'{5:1,"produits":[NaN]}',
        b'{"other":[NaN]}',
        b'{"produits":[NaN],"produits":[]}',
        b'{"produits":NaN}',
    ],
)
def test_the_slower_road_takes_no_object_that_is_not_whole(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(split_leniently(body, list_name="produits", beat=silent))


def test_a_long_record_is_passed_over_with_a_look_at_the_time() -> None:
    looks: list[None] = []
    text = b'[["' + b'},\\"' * 100_000 + b'",' + b"{}," * 100_000 + b"{}],1]"

    pieces = list(split_strictly(memoryview(text), beat=lambda: looks.append(None)))

    assert [len(raws) for raws in pieces] == [1, 1]
    assert looks


def test_reading_ends_when_its_time_is_up_and_at_the_first_record_too_many() -> None:
    body = json.dumps({"produits": products(3)}).encode()

    assert PRODUCTS.parse(body, max_records=3, ends_at_s=time.monotonic() + 60).fetched == 3
    with pytest.raises(PeerTimedOut):
        PRODUCTS.parse(body, ends_at_s=time.monotonic() - 1)
    with pytest.raises(PeerTooLarge):
        PRODUCTS.parse(body, max_records=2)


def test_the_text_of_a_twin_is_that_which_the_peer_sent() -> None:
    record = '{"codeProduit" : "A", "familleProduit":"","descriptionProduit":"","prix":%d}'
    many = ",".join(f'{{"codeProduit":"{n}"}}' for n in range(20_000))
    body = f'{{"produits":[{many},{record % 1},{record % 2},{many}]}}'.encode()

    parsed = PRODUCTS.parse(body)

    assert [one.position for one in parsed.rejected] == list(range(1_000))
    assert parsed.rejected_count == 40_001
    twins = PRODUCTS.parse(f'{{"produits":[{record % 1},{record % 2}]}}'.encode())
    assert [(bad.position, bad.record) for bad in twins.rejected] == [(0, record % 1)]


def test_the_key_of_a_bad_record_that_is_very_long_is_not_read() -> None:
    filler = "[" + "{}," * 400_000 + "{}]"
    body = f'{{"produits":[{{"codeProduit":"A","prix":{filler}}}]}}'.encode()

    parsed = PRODUCTS.parse(body)

    assert parsed.rejected_keys == set()
    assert parsed.hides_keys
