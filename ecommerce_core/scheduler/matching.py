"""Joins promised callbacks to those that came: pure.

A callback pays one promise of its dataset at most. It goes to one in whose window it came,
between the last look that saw the entry waiting and the first that saw it gone; where it
came after that, and no later window has it, to one that still waits or was missed. Among
several, to the latest that the clock had reached when it came, so that a callback that was
lost is not hidden by the next one.

Whoever was refused has not shown to be the scheduler: such a call pays only what would be
missed otherwise. What a person had delivered again pays nothing: the scheduler sent it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ecommerce_core.domain import (
    Delivery,
    ExpectedCallback,
    ExpectedOutcome,
    InFlightCallback,
    Outcome,
    make_fact,
    period,
)

# A callback that comes this much after its grace has nothing to do with the promise any more.
LATE_FOR = timedelta(minutes=10)
MAX_UNPAID = 20_000

SERVER_WAS_DOWN = make_fact("server_was_down")


@dataclass(frozen=True, slots=True)
class MatchPolicy:
    """What a settlement goes by. ``now`` is UTC.

    ``listed_at``: when the last list was asked for; what came after it may be for an entry
    that the next list will show gone. ``busy_since``: by dataset, when the sync under way
    was asked for; it may be for a callback that is not in the journal yet.
    ``serving_since``: since when this server takes callbacks.
    """

    now: datetime
    grace: timedelta
    listed_at: datetime
    serving_since: datetime
    busy_since: Mapping[str, datetime] = field(default_factory=dict)
    flights: tuple[InFlightCallback, ...] = ()


@dataclass(slots=True)
class _Slot:
    promise: ExpectedCallback
    paid: dict[ExpectedOutcome, list[tuple[datetime, Delivery]]] = field(default_factory=dict)
    taken: int = 0
    is_missed: bool = False

    @property
    def left(self) -> int:
        return self.promise.count - self.taken

    @property
    def due_at(self) -> datetime:
        """When the first of what is left was due."""
        step = period(self.promise.recurrence)
        if step is None or self.promise.count == 1:
            return self.promise.simulated_at
        # Entries of one series that were merged have times in common: never beyond the last.
        return min(self.promise.simulated_at + self.taken * step, self.promise.simulated_last_at)

    def pay(self, delivery: Delivery, grace: timedelta) -> None:
        """Let a callback pay the first of what is left."""
        due_at = self.due_at
        outcome = _outcome(self.promise, due_at, delivery, grace)
        self.paid.setdefault(outcome, []).append((due_at, delivery))
        self.taken += 1

    def results(self) -> Iterable[ExpectedCallback]:
        """What became of it: the rest of it and a promise for each outcome."""
        promise, identity = self.promise, self.promise.id
        if self.left:
            rest = replace(promise, simulated_at=self.due_at, count=self.left)
            yield replace(rest, outcome=ExpectedOutcome.MISSED) if self.is_missed else rest
            identity = 0
        for outcome, payments in self.paid.items():
            (first, delivery), (last, _) = payments[0], payments[-1]
            yield replace(
                promise,
                id=identity,
                count=len(payments),
                simulated_at=first,
                simulated_last_at=last,
                outcome=outcome,
                reason=delivery.reason,
                delivery_id=delivery.id,
                received_at=delivery.received_at,
                lateness_s=max(_lateness_s(promise, due_at, one) for due_at, one in payments),
                duration_s=max((one.duration_s or 0 for _, one in payments), default=None),
            )
            identity = 0


def settle(
    promises: Sequence[ExpectedCallback], deliveries: Sequence[Delivery], terms: MatchPolicy
) -> tuple[list[ExpectedCallback], tuple[Delivery, ...]]:
    """Let ``deliveries`` pay ``promises``, and call missed what nothing came for in time.

    Returns the promises as they stand then, and the callbacks that may yet pay one.
    """
    slots_of: dict[str, list[_Slot]] = {}
    for promise in sorted(promises, key=lambda one: (one.noticed_at, one.simulated_at)):
        slots_of.setdefault(promise.dataset, []).append(_Slot(promise))
    unpaid: list[Delivery] = []
    sent = (one for one in deliveries if one.again_of is None)
    for delivery in sorted(sent, key=lambda one: (one.received_at, one.id)):
        slots = slots_of.get(delivery.dataset, [])
        owner = None if delivery.outcome is Outcome.REFUSED else _owner(slots, delivery, terms)
        if owner is None:
            unpaid.append(delivery)
        else:
            owner.pay(delivery, terms.grace)
    for slots in slots_of.values():
        for slot in slots:
            if _is_overdue(slot.promise, terms):
                _give_up(slot, unpaid, terms)
    after = [one for slots in slots_of.values() for slot in slots for one in slot.results()]
    may_pay = [one for one in unpaid if _may_pay(one, after, terms)]
    return after, tuple(may_pay[-MAX_UNPAID:])


def _owner(slots: Sequence[_Slot], delivery: Delivery, terms: MatchPolicy) -> _Slot | None:
    """Whose callback it is."""
    came = delivery.received_at
    due = [
        slot
        for slot in slots
        if slot.left and slot.promise.since_at <= came and not _is_too_early(slot, delivery, terms)
    ]
    fitting = [slot for slot in due if came <= slot.promise.noticed_at]
    is_void = ExpectedOutcome.VOID
    fitting = [slot for slot in fitting if slot.promise.outcome is not is_void] or fitting
    if not fitting and came < terms.listed_at:
        flights = [one for one in terms.flights if one.entry.dataset == delivery.dataset]
        # What is in flight owes more, once it is back, and has the first claim.
        floor = min((one.noticed_at for one in flights), default=None)
        fitting = [
            slot
            for slot in due
            if slot.promise.outcome is not is_void
            and came <= slot.promise.noticed_at + terms.grace + LATE_FOR
            and (floor is None or slot.promise.noticed_at >= floor)
        ]
    clock_at = delivery.simulated_at
    reached = [slot for slot in fitting if clock_at is not None and slot.due_at <= clock_at]
    if reached:
        return max(reached, key=lambda slot: slot.due_at)
    return min(fitting, key=lambda slot: slot.due_at, default=None)


def _is_too_early(slot: _Slot, delivery: Delivery, terms: MatchPolicy) -> bool:
    """True where it came before the last server stopped, and long before this was due."""
    clock_at = delivery.simulated_at
    if clock_at is None or slot.promise.since_at >= terms.serving_since:
        return False
    # Our reading of the clock may be a few ticks old.
    return (slot.due_at - clock_at).total_seconds() > 5 * slot.promise.speed


def _is_overdue(promise: ExpectedCallback, terms: MatchPolicy) -> bool:
    """True where its callback would be in the journal if it had come in time."""
    if promise.outcome is not ExpectedOutcome.OWED:
        return False
    ends_at = promise.noticed_at + terms.grace
    busy_since = terms.busy_since.get(promise.dataset)
    return terms.now > ends_at and (busy_since is None or busy_since > ends_at)


def _give_up(slot: _Slot, unpaid: list[Delivery], terms: MatchPolicy) -> None:
    promise = slot.promise
    for delivery in list(unpaid):
        if not slot.left:
            return
        if delivery.outcome is Outcome.REFUSED and _is_near(delivery, promise, terms):
            unpaid.remove(delivery)
            slot.pay(delivery, terms.grace)
    if slot.left:
        slot.is_missed = True
        if promise.since_at < terms.serving_since:
            slot.promise = replace(promise, reason=SERVER_WAS_DOWN)


def _is_near(delivery: Delivery, promise: ExpectedCallback, terms: MatchPolicy) -> bool:
    ends_at = promise.noticed_at + terms.grace
    return (
        delivery.dataset == promise.dataset and promise.since_at <= delivery.received_at <= ends_at
    )


def _may_pay(delivery: Delivery, promises: Sequence[ExpectedCallback], terms: MatchPolicy) -> bool:
    """True where a promise may yet come up that this callback pays."""
    if delivery.received_at >= terms.listed_at:
        return True
    if delivery.outcome is Outcome.REFUSED:
        return any(
            promise.outcome is ExpectedOutcome.OWED and _is_near(delivery, promise, terms)
            for promise in promises
        )
    return any(
        flight.entry.dataset == delivery.dataset and flight.since_at <= delivery.received_at
        for flight in terms.flights
    )


def _outcome(
    promise: ExpectedCallback, due_at: datetime, delivery: Delivery, grace: timedelta
) -> ExpectedOutcome:
    if delivery.outcome is Outcome.REFUSED:
        return ExpectedOutcome.REFUSED
    if delivery.outcome is Outcome.FAILED:
        return ExpectedOutcome.FAILED
    step = period(promise.recurrence)
    if step is not None and (delivery.duration_s or 0) * promise.speed > step.total_seconds():
        return ExpectedOutcome.OVERRAN
    # A tick takes the clock past what is due by up to one tick, and our reading may be one late.
    is_late = _lateness_s(promise, due_at, delivery) > 2 * promise.speed
    if is_late or delivery.received_at > promise.noticed_at + grace:
        return ExpectedOutcome.LATE
    return ExpectedOutcome.ON_TIME


def _lateness_s(promise: ExpectedCallback, due_at: datetime, delivery: Delivery) -> float:
    """Simulated seconds from when it was due to when it came, never below 0."""
    if delivery.simulated_at is not None:
        return max(0.0, (delivery.simulated_at - due_at).total_seconds())
    late_s = (delivery.received_at - promise.noticed_at).total_seconds()
    return max(0.0, late_s * promise.speed)
