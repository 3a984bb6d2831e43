"""The contract of every engine's store: rows, runs, callbacks, sign-outs, locks, snapshots.

It holds of the fake engine of the tests, of SQLite, and of PostgreSQL.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS
from ecommerce_core.domain import (
    Action,
    Change,
    ChangeKind,
    ChangeQuery,
    ChangesRemoved,
    Counts,
    ExpectedCallback,
    ExpectedOutcome,
    MonitorState,
    NewDelivery,
    NothingToUndo,
    Outcome,
    Query,
    Rejected,
    Resolution,
    Run,
    RunNotHeld,
    RunStatus,
    TaskEvent,
    Totals,
    Trigger,
    ViewError,
    Wanted,
    WantedChange,
    WantedTask,
    record_of,
    said,
)
from ecommerce_core.storage import ChangeReader, DatasetState, NewRun, Reader, Snapshots, Store
from ecommerce_core.storage.explore.journal_copy import JournalCopy
from ecommerce_core.storage.explore.tables import CHANGES, RUNS, list_tables
from tests.support.peers import customer, product, products
from tests.support.rows import put, reader_of
from tests.support.waiting import until

NOW = datetime(2025, 6, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def keys(store: Store) -> list[str]:
    with store.reading() as db:
        return [code for (code,) in db.execute("SELECT code FROM product ORDER BY code")]


def test_a_first_answer_is_stored_as_it_came(any_store: Store) -> None:
    run = put(any_store, [product(1, descriptionProduit="Frigo 'été' – 冷 %s ? :x"), product(2)])

    assert run.status is RunStatus.SUCCEEDED
    assert (run.counts.fetched, run.counts.added) == (2, 2)
    assert any_store.totals(PRODUCTS) == Totals(current=2, withdrawn=0)
    assert any_store.last_good_run("products") == run


def test_numbers_come_back_as_what_they_were(any_store: Store) -> None:
    put(any_store, [customer(1, fidelityPoint=12.5, payment=0.1)], dataset=CUSTOMERS)
    put(
        any_store, [customer(1, fidelityPoint=0.30000000000000004, payment=None)], dataset=CUSTOMERS
    )

    changes = any_store.list_changes(2)

    assert {(one.field, one.old, one.new) for one in changes} == {
        ("loyalty_points", 12.5, 0.30000000000000004),
        ("payment", 0.1, None),
    }
    assert all(isinstance(one.old, float) for one in changes)


@pytest.mark.parametrize("count", [3, 60, 2_500])
def test_an_answer_that_changed_writes_what_changed_alone(any_store: Store, count: int) -> None:
    put(any_store, products(count))
    second = [product(n, descriptionProduit=f"new {n}") for n in range(1, count)] + [product(count)]

    run = put(any_store, second)

    assert (run.counts.added, run.counts.updated, run.counts.withdrawn) == (1, count - 1, 1)
    assert any_store.totals(PRODUCTS) == Totals(current=count, withdrawn=1)
    changed = any_store.list_changes(run.id, limit=10_000)
    assert len(changed) == count
    gone = [one for one in changed if one.field == "withdrawn_at"]
    assert [(one.key, one.old) for one in gone] == [("X1-0", None)]


def test_keys_are_in_the_order_of_their_code_points(any_store: Store) -> None:
    codes = ["a", "B", "é", "Z-1", "Z_1", "zz", "冷", "𝒳"]
    put(any_store, [product(1, codeProduit=code) for code in codes])

    run = put(any_store, [product(1, codeProduit=code) for code in reversed(codes)])

    assert keys(any_store) == sorted(codes)
    assert run.counts.unchanged == len(codes)


def test_an_answer_that_loses_too_much_is_held_and_can_be_discarded(any_store: Store) -> None:
    put(any_store, products(30))

    held = put(any_store, products(3))

    assert held.status is RunStatus.HELD
    assert any_store.held_run("products") == held
    assert any_store.held_body(held.id) == b"body"
    assert any_store.discard_held(held.id).resolution is Resolution.DISCARDED
    with pytest.raises(RunNotHeld):
        any_store.discard_held(held.id)


def test_what_was_rejected_is_kept_with_its_position(any_store: Store) -> None:
    run = put(any_store, [product(1), product(2, prix="dear")])

    (bad,) = any_store.list_rejected(run.id)

    assert run.status is RunStatus.PARTIAL
    assert isinstance(bad, Rejected)
    assert (bad.position, bad.key) == (1, "X1-2")


def test_a_clear_can_be_undone_once(any_store: Store) -> None:
    put(any_store, products(5))

    cleared = any_store.clear(PRODUCTS, trigger=Trigger.MANUAL, actor="ada")

    assert (cleared.counts.withdrawn, cleared.actor) == (5, "ada")
    assert any_store.undoable_rows(PRODUCTS) == 5
    assert any_store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL).counts.returned == 5
    assert any_store.totals(PRODUCTS) == Totals(current=5, withdrawn=0)
    assert any_store.dataset_state("products") == DatasetState(digest="1", fetched=5)
    with pytest.raises(NothingToUndo):
        any_store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)


def test_a_transaction_that_raises_leaves_nothing(any_store: Store) -> None:
    put(any_store, products(2))

    def fail() -> None:
        with any_store.writing() as db:
            db.execute("DELETE FROM product")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert any_store.totals(PRODUCTS).current == 2


def test_a_read_sees_one_state_however_long_it_takes(any_store: Store) -> None:
    put(any_store, products(2))
    count = "SELECT count(*) FROM product"

    with any_store.reading_long() as reading:
        with reading() as db:
            before = db.execute(count).fetchone()[0]
        if any_store.is_shared:
            put(any_store, products(9))
        with reading() as db:
            after = db.execute(count).fetchone()[0]

    assert before == after == 2


def test_runs_are_paged_and_filtered(any_store: Store) -> None:
    for number in range(5):
        put(any_store, products(number + 1))
    any_store.begin_run(NewRun("customers", Action.SYNC, Trigger.CALLBACK))

    assert [run.id for run in any_store.list_runs(limit=2)] == [6, 5]
    assert [run.id for run in any_store.list_runs(limit=2, before_id=5)] == [4, 3]
    running = any_store.list_runs(statuses=[RunStatus.RUNNING, RunStatus.FAILED])
    assert [run.dataset for run in running] == ["customers"]
    assert any_store.newest_run_id() == 6
    assert any_store.interrupt_stale_runs("customers") == 1
    assert any_store.list_runs(status=RunStatus.RUNNING) == []
    assert any_store.run(99) is None


def test_what_happened_lately_is_counted(any_store: Store) -> None:
    put(any_store, products(2))
    put(any_store, [product(1, descriptionProduit="new"), product(2)])
    since = datetime.now(UTC) - timedelta(hours=1)

    found = any_store.good_runs_since("products", since)

    assert found is not None
    assert (found.first.id, found.last.id) == (1, 2)
    assert any_store.run_counts_since(since) == {RunStatus.SUCCEEDED: 2}
    assert [size for _, size in any_store.size_over_time(PRODUCTS)] == [2, 2]
    (entry,) = any_store.list_history("products", "X1-1")
    assert (entry.run_id, entry.field, entry.new) == (2, "description", "new")


def delivery(number: int, outcome: Outcome = Outcome.EXECUTED) -> NewDelivery:
    at = NOW + timedelta(seconds=number)
    return NewDelivery(at, "products", outcome, None, said(f"a\0b {number}"), None, None, 0.25)


def test_deliveries_are_kept_and_refused_ones_bounded(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce_core.storage.record.deliveries.KEPT_REFUSALS", 3)
    any_store.record_deliveries([delivery(1), delivery(2)])
    any_store.record_deliveries(
        [delivery(n, Outcome.REFUSED) for n in range(3, 8)], {"customers": 4}
    )

    assert [one.id for one in any_store.list_deliveries(limit=3)] == [7, 6, 5]
    assert any_store.list_deliveries(outcome=Outcome.REFUSED, before_id=7)[0].id == 6
    assert [one.id for one in any_store.list_deliveries_after(5, ids=[1, 2])] == [1, 2, 6, 7]
    assert [one.id for one in any_store.list_deliveries_after(6)] == [7]
    assert any_store.refused_not_kept() == {"products": 2, "customers": 4}
    assert any_store.newest_delivery_id() == 7
    found = any_store.delivery(1)
    assert found is not None
    assert (found.received_at, found.duration_s) == (NOW + timedelta(seconds=1), 0.25)


def expected(number: int, outcome: ExpectedOutcome) -> ExpectedCallback:
    at = datetime(2025, 1, number, 8)  # noqa: DTZ001 - the clock's own
    return ExpectedCallback(
        id=0,
        dataset="products",
        task_name="a",
        source_app="x",
        recurrence="DAY",
        simulated_at=at,
        simulated_last_at=at,
        count=2,
        since_at=NOW,
        noticed_at=NOW,
        speed=60.0,
        outcome=outcome,
    )


def test_expected_callbacks_are_kept_with_the_state_of_their_monitor(any_store: Store) -> None:
    state = MonitorState("http://gateway", NOW, delivery_id=4)
    owed, missed = ExpectedOutcome.PENDING, ExpectedOutcome.MISSED

    first, second = any_store.record_expected_callbacks(
        [expected(1, owed), expected(2, missed)], state
    )

    assert (first.id, second.id) == (1, 2)
    assert any_store.monitor_state() == state
    assert any_store.open_expected_callbacks(noticed_since=NOW) == [first, second]
    assert any_store.list_expected_callbacks(since=datetime(2025, 1, 2)) == [second]  # noqa: DTZ001
    (summary,) = any_store.expected_summary()
    assert (summary.dataset, summary.missed) == ("products", 2)
    assert any_store.expected_mark() == ((2, "missed", 2), (1, "pending", 2))


def test_sign_outs_are_kept_until_they_would_be_over(any_store: Store) -> None:
    sign_outs = any_store.sign_outs
    sign_outs.record_sign_out("a", until=NOW, now=NOW)
    sign_outs.record_sign_out("b", until=NOW + timedelta(days=2), now=NOW)
    sign_outs.record_sign_out("b", until=NOW + timedelta(days=3), now=NOW + timedelta(days=1))

    assert sign_outs.list_sign_outs() == ["b"]


def test_a_lock_has_one_holder_at_a_time(open_again: Callable[[], Store]) -> None:
    one, other = open_again().lock("products"), open_again().lock("products")
    others = open_again().lock("customers")

    assert one.acquire(timeout_s=0)
    assert not other.acquire(timeout_s=0)
    assert not other.acquire(timeout_s=0.1)
    assert others.acquire(timeout_s=0)
    assert (one.is_held, other.is_held, other.is_usable) == (True, False, True)
    one.release()
    assert other.acquire(timeout_s=5)
    other.release()
    others.release()


def test_who_waits_for_a_lock_gets_it_once_it_is_free(open_again: Callable[[], Store]) -> None:
    holder, waiter = open_again().lock("products"), open_again().lock("products")
    assert holder.acquire(timeout_s=0)
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(waiter.acquire(timeout_s=20)))

    thread.start()
    holder.release()
    thread.join(20)

    assert got == [True]
    waiter.release()


def test_readers_see_a_snapshot_of_what_is_stored(any_store: Store) -> None:
    put(any_store, [*products(30), product(31, descriptionProduit="Crème brûlée")])

    with reader_of(any_store, PRODUCTS) as reader:
        page = reader.read_page(PRODUCTS, Query(search="creme", page_size=5))

    assert page.total == 1
    assert [getattr(row, "code", None) for row in page.rows] == ["X1-31"]


def test_a_snapshot_is_of_the_version_that_is_stored(any_store: Store) -> None:
    snapshots = Snapshots(any_store.path, any_store)
    put(any_store, products(3))

    version = snapshots.publish(PRODUCTS)

    assert version.run_id == 1
    assert snapshots.is_current(PRODUCTS)
    put(any_store, products(4))
    assert not snapshots.is_current(PRODUCTS)


def test_two_runs_are_compared(any_store: Store) -> None:
    first = put(any_store, [product(1, descriptionProduit="one", prix=100), product(2), product(3)])
    # Runs are told apart by the millisecond, and a fake takes less.
    until(lambda: datetime.now(UTC) > first.started_at + timedelta(milliseconds=100))
    put(any_store, [product(1, descriptionProduit="two", prix=150), product(2), product(4)])
    put(any_store, [product(1, descriptionProduit="three", prix=150), product(2), product(4)])

    with (
        reader_of(any_store, PRODUCTS) as reader,
        ChangeReader(any_store, reader).at(PRODUCTS, 1, 3) as view,
    ):
        counts = view.count_rows(ChangeQuery())
        found = view.list_entries(ChangeQuery(kind=ChangeKind.UPDATED))

    assert counts[ChangeKind.ADDED] == counts[ChangeKind.WITHDRAWN] == 1
    assert counts[ChangeKind.UPDATED] == 1
    assert {(one.key, one.field, one.old, one.new, one.difference) for one in found} == {
        ("X1-1", "description", "one", "three", None),
        ("X1-1", "price_cents", "100", "150", 50),
    }


def test_a_comparison_says_that_its_changes_were_removed(any_store: Store) -> None:
    for price in (100, 150, 200):
        put(any_store, [product(1, prix=price), product(2)])
    with any_store.writing() as db:
        long_ago = ["2025-06-01T12:00:00.000Z"]
        db.execute("UPDATE run SET finished_at = ? WHERE id <= 2", long_ago)
        db.execute("UPDATE product SET first_seen_at = ?", long_ago)

    removed = [any_store.remove_step("changes", before=NOW) for _ in range(2)]

    assert removed == [1, 0]
    assert any_store.removed_up_to("changes") == 2
    with reader_of(any_store, PRODUCTS) as reader:
        changes = ChangeReader(any_store, reader)
        with pytest.raises(ChangesRemoved):
            changes.count_rows(PRODUCTS, 1, 3)
        assert changes.count_rows(PRODUCTS, 2, 3)[ChangeKind.UPDATED] == 1


def test_an_opened_store_keeps_what_was_in_it(open_again: Callable[[], Store]) -> None:
    put(open_again(), products(3))

    again = open_again()

    assert again.totals(PRODUCTS).current == 3
    again.check_writable()
    again.check_sound()


def test_changes_have_their_fields(any_store: Store) -> None:
    put(any_store, [product(1, descriptionProduit="a 'quoted' \"text\" \\ back")])
    run = put(any_store, [product(1, descriptionProduit="b\tc\nd")])

    assert any_store.list_changes(run.id) == [
        Change(run.id, "X1-1", "description", "a 'quoted' \"text\" \\ back", "b\tc\nd")
    ]


def test_a_reader_of_an_empty_store_finds_nothing(any_store: Store, tmp_path: Path) -> None:
    reader = Reader(Snapshots(any_store.path, any_store))

    assert reader.count_rows(PRODUCTS, Query()) == 0
    reader.close()


def test_wanted_tasks_are_changed_only_as_they_were_seen(any_store: Store) -> None:
    at = datetime(2025, 1, 1, 8)  # noqa: DTZ001 - the clock's own
    task = WantedTask(0, "products", "a", "e-commerce", "day", at, Wanted.ADDING, NOW, actor="ada")
    record = record_of(task, TaskEvent.ADDED, NOW, actor="ada")
    (one,) = any_store.change_wanted_tasks([WantedChange(None, task, record)])
    (other,) = any_store.change_wanted_tasks([WantedChange(None, task)])
    listed = replace(one, state=Wanted.LISTED, since_at=NOW + timedelta(seconds=1))

    assert (one.id, other.id) == (1, 2)
    assert any_store.change_wanted_tasks([WantedChange(one, listed)]) == [listed]
    assert any_store.change_wanted_tasks([WantedChange(one, listed)]) == []
    assert any_store.change_wanted_tasks([WantedChange(other, None)]) == []
    assert any_store.list_wanted_tasks() == [listed]
    assert any_store.list_task_records() == [record]


@pytest.mark.parametrize("table", [RUNS, CHANGES])
def test_the_journal_is_copied_for_who_asks_in_sql(
    any_store: Store, tmp_path: Path, table: str
) -> None:
    put(any_store, [product(1, prix=100), product(2)])
    put(any_store, [product(1, prix=150), product(2, descriptionProduit="new")])
    described = next(one for one in list_tables([PRODUCTS]) if one.name == table)

    path = JournalCopy(described, any_store, [PRODUCTS]).path(tmp_path)

    assert path is not None
    with duckdb.connect(path, read_only=True) as database:
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
    assert len(rows) == 2


def answer(store: Store, records: list[dict[str, Any]], *, confirms: int | None = None) -> Run:
    """Apply an answer as a sync does, with its body; or the one of a held run."""
    body = json.dumps({"produits": records}).encode()
    parsed = PRODUCTS.parse(body)
    new = NewRun("products", Action.SYNC, Trigger.MANUAL, confirms_run_id=confirms)
    return store.apply(
        store.begin_run(new),
        PRODUCTS,
        parsed,
        state=DatasetState(digest=f"{len(records)}", fetched=parsed.fetched),
        body=body,
        stages_s={},
        report=lambda rows: None,
        hold_above_percent=50,
        confirms_run_id=confirms,
    )


def test_a_held_answer_says_what_it_would_change_and_is_applied_and_undone(
    any_store: Store,
) -> None:
    answer(any_store, products(30))
    new = [product(0, price=150), product("NEW")]
    held = answer(any_store, new)
    assert held.status is RunStatus.HELD
    with (
        reader_of(any_store, PRODUCTS) as reader,
        ChangeReader(any_store, reader).held(PRODUCTS, held.id) as view,
    ):
        counts = view.count_rows(ChangeQuery())
        [price] = view.list_entries(ChangeQuery(kind=ChangeKind.UPDATED))
    assert [counts[kind] for kind in (ChangeKind.ADDED, ChangeKind.WITHDRAWN)] == [1, 29]
    assert (price.key, price.old, price.new) == ("X1-0", "100", "150")

    applied = answer(any_store, new, confirms=held.id)
    found = any_store.applied_run(PRODUCTS)
    assert found is not None
    assert found.id == applied.id
    undone = any_store.undo_apply(PRODUCTS, trigger=Trigger.MANUAL, actor="clerk")

    assert undone.counts == Counts(returned=29, updated=1, withdrawn=1)
    assert undone.actor == "clerk"
    assert any_store.totals(PRODUCTS) == Totals(current=30, withdrawn=0)
    assert any_store.dataset_state("products").digest == "30"
    price_now = {change.field: change.new for change in any_store.list_changes(undone.id)}
    assert price_now["price_cents"] == 100
    assert any_store.applied_run(PRODUCTS) is None
    first = any_store.list_runs()[-1]
    assert any_store.last_good_run("products") == first, "the rows are those of the first answer"
    again = answer(any_store, [product(n, price=150) for n in range(30)])
    assert any_store.last_good_run("products") == again
    with pytest.raises(NothingToUndo):
        any_store.undo_apply(PRODUCTS, trigger=Trigger.MANUAL)


def made_by(store: Store) -> int | None:
    run = store.run_of_rows("products")
    return None if run is None else run.id


def last_good(store: Store) -> int | None:
    run = store.last_good_run("products")
    return None if run is None else run.id


def test_an_undo_leads_back_to_the_run_that_made_the_rows(any_store: Store) -> None:
    assert (made_by(any_store), last_good(any_store)) == (None, None)
    first = answer(any_store, products(30)).id
    for _again in range(2):
        held = answer(any_store, products(3))
        applied = answer(any_store, products(3), confirms=held.id).id
        assert any_store.applying_run(held.id) == any_store.run(applied)
        assert (made_by(any_store), last_good(any_store)) == (applied, applied)
        any_store.undo_apply(PRODUCTS, trigger=Trigger.MANUAL)
        assert (made_by(any_store), last_good(any_store)) == (first, first)

    cleared = any_store.clear(PRODUCTS, trigger=Trigger.MANUAL).id
    assert (made_by(any_store), last_good(any_store)) == (cleared, first)
    any_store.undo_clear(PRODUCTS, trigger=Trigger.MANUAL)
    assert (made_by(any_store), last_good(any_store)) == (first, first)


def test_undoing_an_answer_applied_after_a_clear_leads_back_before_the_clear(
    any_store: Store,
) -> None:
    first = answer(any_store, products(30)).id
    any_store.clear(PRODUCTS, trigger=Trigger.MANUAL)
    held = answer(any_store, products(3))
    answer(any_store, products(3), confirms=held.id)

    undone = any_store.undo_apply(PRODUCTS, trigger=Trigger.MANUAL)

    assert any_store.totals(PRODUCTS).current == 30
    assert undone.counts == Counts(returned=27)
    assert (made_by(any_store), last_good(any_store)) == (first, first)


def test_an_undo_of_rows_that_had_returned_counts_them_as_gone_again(any_store: Store) -> None:
    answer(any_store, products(60))
    answer(any_store, products(40))  # 20 of them are withdrawn
    back = [*products(60)[40:50], product(0, price=150)]
    held = answer(any_store, back)
    applied = answer(any_store, back, confirms=held.id)
    assert applied.counts == Counts(fetched=11, returned=10, updated=1, withdrawn=39)

    undone = any_store.undo_apply(PRODUCTS, trigger=Trigger.MANUAL)

    assert undone.counts == Counts(returned=39, updated=1, withdrawn=10)


def test_views_are_kept_by_owner_and_name(any_store: Store) -> None:
    kept = any_store.insert_view(dataset="products", owner="ada", name="TVs", query="family=TV")
    shared = any_store.insert_view(dataset="products", owner="", name="TVs", query="q=%3F")
    any_store.insert_view(dataset="customers", owner="ada", name="TVs", query="")

    with pytest.raises(ViewError):
        any_store.insert_view(dataset="products", owner="ada", name="TVs", query="other")
    assert any_store.list_views("products", {"ada", ""}) == [shared, kept]
    assert any_store.find_view(kept.id) == kept
    any_store.rename_view(kept.id, "Été")
    assert [view.name for view in any_store.list_views("products", {"ada"})] == ["Été"]
    any_store.delete_view(kept.id)
    assert any_store.find_view(kept.id) is None
    with pytest.raises(ViewError):
        any_store.rename_view(kept.id, "gone")
