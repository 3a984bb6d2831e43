"""A simulated week with random faults: each is told once and cleared once, and nothing else is.

The facts are made up, minute by minute, from a list of faults; from there on all is real: rules,
journal, and messages to a webhook through Apprise, with restarts in between.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from ecommerce_core.alerts import MessagePolicy, Messenger, Sender
from ecommerce_core.alerts.facts import DatasetFacts, Facts, Fault, StoreFault
from ecommerce_core.alerts.log import AlertLog
from ecommerce_core.alerts.rules import find_alerts
from ecommerce_core.domain import (
    Action,
    AlertCode,
    Counts,
    ExpectedCallback,
    ExpectedOutcome,
    Language,
    Run,
    RunStatus,
    Trigger,
    said,
)
from ecommerce_core.storage import Store
from tests.support.receivers import Webhook

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(weeks=1)
POLICY = MessagePolicy(remind_every=timedelta(days=30))
PEERS = {"products": "catalogue-produit", "customers": "crm"}

# Titles as they are expected, by code; a dataset or a task fills them in.
TITLES = {
    AlertCode.STORE_FULL: "The disk is full",
    AlertCode.GATEWAY_DOWN: "The gateway does not answer",
    AlertCode.SCHEDULER_DOWN: "The scheduler does not answer",
    AlertCode.PEER_DOWN: "The last fetch failed: {}",
    AlertCode.FETCH_FAILED: "The last fetch failed: {}",
    AlertCode.ANSWER_HELD: "A fetch is held: {}",
    AlertCode.CALLBACKS_MISSED: "A recurring task was missed: get_{}",
    AlertCode.CALLBACKS_LATE: "A recurring task keeps coming late: get_{}",
    AlertCode.TASKS_LOST: "Tasks were lost: {}",
    AlertCode.CLOCK_STANDS_STILL: "The simulated clock stands still",
    AlertCode.REGISTRATION_FAILING: (
        "The gateway has no route to this application, so no callback can arrive"
    ),
    AlertCode.SNAPSHOT_BEHIND: "The newest rows cannot be shown: {}",
    AlertCode.BACKUP_OVERDUE: "No backup could be made",
}


@dataclass(frozen=True)
class Made:
    """A fault that was made: of one dataset, or of none."""

    code: AlertCode
    dataset: str
    begins: datetime
    ends: datetime

    @property
    def title(self) -> str:
        return TITLES[self.code].format(self.dataset)


def make_faults(chance: random.Random) -> list[Made]:
    """Faults of all kinds over a week, never two at once: what one explains is tried elsewhere."""
    faults: list[Made] = []
    at = START + HOUR
    codes = list(TITLES)
    while at < START + WEEK - 10 * HOUR:
        code = codes[len(faults)] if len(faults) < len(codes) else chance.choice(codes)
        dataset = chance.choice(list(PEERS)) if "{}" in TITLES[code] else ""
        ends = at + chance.uniform(5, 300) * MINUTE
        faults.append(Made(code, dataset, at, ends))
        at = ends + chance.uniform(10, 90) * MINUTE
    return faults


def run_of(dataset: str, status: RunStatus, at: datetime, **counts: int) -> Run:
    return Run(
        id=int(at.timestamp()),
        dataset=dataset,
        action=Action.SYNC,
        trigger=Trigger.CALLBACK,
        status=status,
        started_at=at,
        finished_at=at,
        counts=Counts(**counts),
        body_bytes=0,
        stages_s={},
        error=None,
        simulated_at=None,
        task_name=None,
        confirms_run_id=None,
        resolution=None,
    )


def expected_of(dataset: str, at: datetime, outcome: ExpectedOutcome) -> ExpectedCallback:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return ExpectedCallback(
        id=int(hour.timestamp()),
        dataset=dataset,
        task_name=f"get_{dataset}",
        source_app="e-commerce",
        recurrence="hour",
        simulated_at=hour.replace(tzinfo=None),
        simulated_last_at=hour.replace(tzinfo=None),
        count=1,
        since_at=at,
        noticed_at=at,
        speed=1.0,
        outcome=outcome,
    )


def facts_at(now: datetime, active: Iterable[Made]) -> Facts:
    """What one finds while these faults last, with all that follows from each of them."""
    datasets = {
        name: DatasetFacts(
            name,
            peer,
            last_run=run_of(name, RunStatus.UNCHANGED, now - HOUR),
            last_good=run_of(name, RunStatus.UNCHANGED, now - HOUR),
        )
        for name, peer in PEERS.items()
    }
    facts = Facts(now, tuple(datasets.values()))
    for fault in active:
        facts = with_fault(facts, datasets, fault)
    return facts


def aged(dataset: DatasetFacts) -> DatasetFacts:
    """A dataset that should have been fetched nine times since."""
    return replace(dataset, schedule_age=9 * HOUR, schedule_period=HOUR)


def all_missed(now: datetime) -> tuple[ExpectedCallback, ...]:
    return tuple(expected_of(one, now, ExpectedOutcome.MISSED) for one in PEERS)


def with_fault(facts: Facts, datasets: dict[str, DatasetFacts], fault: Made) -> Facts:
    """The facts with one more fault, and with what follows from it."""
    if fault.dataset:
        return with_fault_of_dataset(facts, datasets, fault)
    now, scheduler = facts.now, facts.scheduler
    match fault.code:
        case AlertCode.STORE_FULL:
            # Of a full disk fetches break off, snapshots and backups fail.
            cut = tuple(
                replace(
                    one,
                    last_run=run_of(one.name, RunStatus.INTERRUPTED, now),
                    is_snapshot_behind=True,
                )
                for one in datasets.values()
            )
            full = StoreFault.FULL
            return replace(facts, store_fault=full, backup_error=said("no room"), datasets=cut)
        case AlertCode.GATEWAY_DOWN:
            failed = tuple(
                replace(
                    aged(one),
                    last_run=run_of(one.name, RunStatus.FAILED, now),
                    fault=Fault.GATEWAY,
                )
                for one in datasets.values()
            )
            down = replace(scheduler, fault=Fault.GATEWAY, missed=all_missed(now))
            return replace(facts, datasets=failed, scheduler=down)
        case AlertCode.SCHEDULER_DOWN:
            stale = tuple(map(aged, datasets.values()))
            down = replace(scheduler, fault=Fault.PEER, missed=all_missed(now))
            return replace(facts, datasets=stale, scheduler=down)
        case AlertCode.CLOCK_STANDS_STILL:
            still = replace(scheduler, clock_stands_since=fault.begins)
            return replace(facts, scheduler=still)
        case AlertCode.REGISTRATION_FAILING:
            alone = replace(scheduler, missed=all_missed(now))
            return replace(facts, registration_error=said("refused"), scheduler=alone)
    # A quarter of an hour is borne with.
    return replace(facts, backup_due_at=fault.begins - timedelta(minutes=15, seconds=1))


def with_fault_of_dataset(facts: Facts, datasets: dict[str, DatasetFacts], fault: Made) -> Facts:
    name, now = fault.dataset, facts.now
    dataset, scheduler = datasets[name], facts.scheduler
    missed = (expected_of(name, now, ExpectedOutcome.MISSED),)
    late = ((expected_of(name, now, ExpectedOutcome.LATE), 3),)
    failed = run_of(name, RunStatus.FAILED, now)
    match fault.code:
        case AlertCode.CALLBACKS_MISSED:
            dataset, scheduler = aged(dataset), replace(scheduler, missed=missed)
        case AlertCode.CALLBACKS_LATE:
            scheduler = replace(scheduler, late=late)
        case AlertCode.TASKS_LOST:
            lost = ((name, f"get_{name}"),)
            scheduler = replace(scheduler, lost_tasks=lost, missed=missed)
        case AlertCode.PEER_DOWN:
            dataset = replace(dataset, last_run=failed, fault=Fault.PEER)
        case AlertCode.FETCH_FAILED:
            dataset = replace(dataset, last_run=failed, fault=Fault.OTHER)
        case AlertCode.ANSWER_HELD:
            held = run_of(name, RunStatus.HELD, fault.begins, withdrawn=30)
            dataset = replace(dataset, held=held)
        case _:
            dataset = replace(dataset, is_snapshot_behind=True)
    others = tuple(one for one in datasets.values() if one.name != name)
    return replace(facts, datasets=(dataset, *others), scheduler=scheduler)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_week_of_random_faults_is_told_fault_by_fault_and_cleared(
    seed: int, store: Store
) -> None:
    chance = random.Random(seed)
    faults = make_faults(chance)
    assert {fault.code for fault in faults} == set(TITLES)
    restarts = {START + chance.randrange(7 * 24 * 60) * MINUTE for _ in range(20)}
    with Webhook() as steady, Webhook() as shaky:
        urls = (steady.url, shaky.url)
        sender = Sender("shop", Language("en"), labels={name: name for name in PEERS})
        log, told = AlertLog(store), Messenger(urls, store, sender=sender, policy=POLICY)
        now = START
        while now < START + WEEK:
            if now in restarts:
                log = AlertLog(store)
                told = Messenger(urls, store, sender=sender, policy=POLICY)
                shaky.status = chance.choice([200, 200, 500])
            facts = facts_at(now, [one for one in faults if one.begins <= now < one.ends])
            log.update(find_alerts(facts), now=now, keeps_journal=True)
            for service in told.services:
                service.step(log.records.values(), now=now, policy=POLICY)
            now += MINUTE
        # Once the shaky service is well again, it hears that all is over, if it heard of it.
        shaky.status = 200
        for service in told.services:
            service.step(log.records.values(), now=now + HOUR, policy=POLICY)

    made = Counter(fault.title for fault in faults)
    assert began(steady) == made
    assert over(steady) == made
    # None is doubled, and each is in the journal once, over.
    records = store.list_alerts(limit=1_000)
    assert Counter(record.alert.code for record in records) == Counter(
        fault.code for fault in faults
    )
    assert all(record.ended_at is not None for record in records)
    assert store.open_alerts() == []
    # What a service has missed it is not told late, and of what it was told it hears the end.
    assert began(shaky) == over(shaky)
    assert began(shaky) <= made
    assert 0 < sum(began(shaky).values()) < len(faults)


def began(hook: Webhook) -> Counter[str]:
    """How often it was told that each began, by title."""
    lines = [line for post in hook.posts for line in post["message"].splitlines()]
    return Counter(line[2:].partition(" – ")[0] for line in lines if line.startswith("●"))


def over(hook: Webhook) -> Counter[str]:
    """How often it was told that each is over, by title."""
    lines = [line for post in hook.posts for line in post["message"].splitlines()]
    return Counter(line[2:].partition(" – ")[0] for line in lines if line.startswith("✓"))
