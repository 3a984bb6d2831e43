"""What a peer, or anybody whose text reaches us, can do: not much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ecommerce_core.access import LOCAL
from ecommerce_core.application import Application
from ecommerce_core.models import Counts, Run, RunStatus, Trigger
from ecommerce_core.settings import Settings
from tests.bench.bench_memory import measure, write_answer
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
