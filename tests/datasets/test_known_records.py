"""Known records are not decoded, with the same result as if all were decoded."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecommerce_core.datasets import DATASETS, Dataset
from ecommerce_core.domain import Counts, Run, Trigger
from ecommerce_core.gateway import Answer, Gateway
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store
from ecommerce_core.sync import Job, Sync
from tests.support.peers import customer, product

PRODUCTS, CUSTOMERS = DATASETS["products"], DATASETS["customers"]


class OneAnswer:
    """A gateway whose peer answers ``body``."""

    body = b""

    def fetch(self, peer: str, path: str, **known: Any) -> Answer:
        return Answer(peer, 200, self.body, False, None, None, "application/json")


class Shop:
    """A store and its sync. ``decodes_all``: it forgets the fingerprints of known records."""

    def __init__(self, folder: Path, *, decodes_all: bool) -> None:
        self.store = Store.open(folder / "shop.db")
        self._gateway = OneAnswer()
        gateway = cast(Gateway, self._gateway)
        self._sync = Sync(Settings(database=self.store.path), gateway, self.store)
        self._decodes_all = decodes_all

    def sync(self, dataset: Dataset, answer: Any) -> Run:
        if self._decodes_all:
            with self.store.writing() as db:
                db.execute(f"UPDATE {dataset.table} SET fingerprint = NULL")
        self._gateway.body = json.dumps(answer).encode()
        return self._sync.run(dataset, Job(Trigger.MANUAL), lambda *_, **__: None)

    def held_and_journalled(self, dataset: Dataset) -> list[Any]:
        """Return everything of the dataset that a sync may change, except times."""
        names = ", ".join(dataset.column_names)
        asked = (
            f"SELECT {names}, withdrawn_at IS NULL FROM {dataset.table} ORDER BY {dataset.key}",
            "SELECT run_id, key, field, old IS NULL, new IS NULL,"
            " CASE WHEN field <> 'withdrawn_at' THEN old END,"
            " CASE WHEN field <> 'withdrawn_at' THEN new END FROM change",
            "SELECT run_id, position, key, code, details, record FROM rejected",
            "SELECT id, status, fetched, added, updated, unchanged, withdrawn, rejected,"
            " rows_after FROM run",
        )
        with self.store.reading() as db:
            return [db.execute(sql).fetchall() for sql in asked]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, decodes_all=False)


def catalogue(*products: dict[str, Any]) -> dict[str, Any]:
    return {"produits": list(products)}


CODES = st.integers(0, 5)
A_PRODUCT = st.one_of(
    st.builds(product, CODES, price=st.integers(1, 2)),
    st.builds(product, CODES, price=st.just(-1)),  # rejected
    st.builds(product, CODES, price=st.just(1), nouveau=st.booleans()),  # written differently
    st.just({"codeProduit": 5}),  # rejected, and its key cannot be read
)
A_CUSTOMER = st.one_of(
    st.builds(customer, CODES, payment=st.integers(1, 2)),
    st.builds(customer, CODES, idClient=st.none(), id=st.none()),  # its key is a digest
    st.builds(customer, CODES, payment=st.just("much")),  # rejected
)


@pytest.mark.parametrize(
    ("dataset", "wire", "records"),
    [(PRODUCTS, lambda listed: {"produits": listed}, A_PRODUCT), (CUSTOMERS, list, A_CUSTOMER)],
    ids=["products", "customers"],
)
def test_what_is_known_makes_no_difference_but_in_time(
    dataset: Dataset, wire: Callable[[list[Any]], Any], records: st.SearchStrategy[Any]
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.lists(records, min_size=1, max_size=7), min_size=2, max_size=4))
    def check(answers: list[list[Any]]) -> None:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            shops = [Shop(Path(one), decodes_all=False), Shop(Path(other), decodes_all=True)]
            for answer in answers:
                for shop in shops:
                    shop.sync(dataset, wire(answer))
            known, decoded = (shop.held_and_journalled(dataset) for shop in shops)
            assert known == decoded

    check()


def test_only_what_changed_is_decoded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [product(n) for n in range(50)]
    shop.sync(PRODUCTS, catalogue(*before))
    parse, seen = Dataset.parse, list[int]()

    def spy(dataset: Dataset, body: bytes, **asked: Any) -> Any:
        parsed = parse(dataset, body, **asked)
        seen.append(len(parsed.records))
        return parsed

    monkeypatch.setattr(Dataset, "parse", spy)
    run = shop.sync(PRODUCTS, catalogue(product(0, price=7), *before[1:], product(99)))

    assert seen == [2]
    assert run.counts == Counts(fetched=51, added=1, updated=1, unchanged=49)


def test_a_twin_of_a_known_record_is_rejected_and_the_last_one_counts(shop: Shop) -> None:
    before = [product(n) for n in range(10)]
    shop.sync(PRODUCTS, catalogue(*before))

    run = shop.sync(PRODUCTS, catalogue(*before, product(3, price=9)))

    assert run.counts == Counts(fetched=11, updated=1, unchanged=9, rejected=1)
    with shop.store.reading() as db:
        row = db.execute("SELECT price_cents FROM product WHERE code = 'X1-3'").fetchone()
    assert row == (9,)


def test_a_record_that_is_only_spelled_otherwise_is_unchanged_and_known_from_then_on(
    shop: Shop,
) -> None:
    shop.sync(PRODUCTS, catalogue(*(product(n) for n in range(10))))
    respelled = [product(n, exclusivite="non") for n in range(10)]

    run = shop.sync(PRODUCTS, catalogue(*respelled))

    assert run.counts == Counts(fetched=10, unchanged=10)
    assert len(shop.store.list_fingerprints(PRODUCTS)) == 10
    again = shop.sync(PRODUCTS, catalogue(*respelled[:9]))
    assert again.counts == Counts(fetched=9, unchanged=9, withdrawn=1)


def test_what_a_peer_sends_as_a_fingerprint_is_not_taken_for_one(shop: Shop) -> None:
    shop.sync(PRODUCTS, catalogue({**product(1), "": 5, "fingerprint": 6}))

    [(number, key)] = shop.store.list_fingerprints(PRODUCTS).items()
    assert key == "X1-1"
    assert number not in {5, 6}


def test_rows_of_before_fingerprints_are_decoded_once_and_known_then(shop: Shop) -> None:
    answer = [product(n) for n in range(10)]
    shop.sync(PRODUCTS, catalogue(*answer))
    with shop.store.writing() as db:
        db.execute("UPDATE product SET fingerprint = NULL WHERE code = 'X1-4'")
    assert shop.store.list_fingerprints(PRODUCTS) == {}

    shop.sync(PRODUCTS, catalogue(*answer, product(11)))

    assert len(shop.store.list_fingerprints(PRODUCTS)) == 11
