"""Match deliveries to expected callbacks: pure.

A delivery matches at most one expected callback of its dataset: one in whose window it arrived,
between the last poll that saw the entry waiting and the first that saw it missing. If it arrived
after that, and no later window contains it, it matches one that is still pending or was missed.
Among several it matches the latest that the clock had reached when it arrived, so that a lost
callback is not hidden by the next one.

A refused request is not authenticated, so it only matches an expected callback that would otherwise
be missed. A delivery that a person repeated matches none: the scheduler sent it once.
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
    Lateness,
    Outcome,
    make_fact,
    period,
)

MAX_UNMATCHED = 20_000

SERVER_WAS_DOWN = make_fact("server_was_down")


@dataclass(frozen=True, slots=True)
class MatchPolicy:
    """The parameters of matching beside the deliveries. ``now`` is UTC.

    ``lateness``: the bounds of lateness. ``listed_at``: when the last list was requested; a
    delivery after it may be for an entry that the next list will show missing. ``busy_since``: by
    dataset, when the running sync was requested; it may be for a callback that is not in the
    journal yet. ``serving_since``: since when this server takes callbacks.
    """

    now: datetime
    lateness: Lateness
    listed_at: datetime
    serving_since: datetime
    busy_since: Mapping[str, datetime] = field(default_factory=dict)
    in_flight: tuple[InFlightCallback, ...] = ()


@dataclass(slots=True)
class _Slot:
    callback: ExpectedCallback
    matched: dict[ExpectedOutcome, list[tuple[datetime, Delivery]]] = field(default_factory=dict)
    taken: int = 0
    is_missed: bool = False

    @property
    def left(self) -> int:
        return self.callback.count - self.taken

    @property
    def due_at(self) -> datetime:
        """When the first unmatched callback was due."""
        step = period(self.callback.recurrence)
        if step is None or self.callback.count == 1:
            return self.callback.simulated_at
        # Merged entries of one schedule have times in common: never later than the last.
        return min(self.callback.simulated_at + self.taken * step, self.callback.simulated_last_at)

    def assign(self, delivery: Delivery, grace: timedelta) -> None:
        """Match a delivery to the first of the callbacks that are left."""
        due_at = self.due_at
        outcome = _outcome(self.callback, due_at, delivery, grace)
        self.matched.setdefault(outcome, []).append((due_at, delivery))
        self.taken += 1

    def results(self) -> Iterable[ExpectedCallback]:
        """Return the callbacks that are left, and an expected callback for each outcome."""
        callback, identity = self.callback, self.callback.id
        if self.left:
            rest = replace(callback, simulated_at=self.due_at, count=self.left)
            yield replace(rest, outcome=ExpectedOutcome.MISSED) if self.is_missed else rest
            identity = 0
        for outcome, matches in self.matched.items():
            (first, delivery), (last, _) = matches[0], matches[-1]
            yield replace(
                callback,
                id=identity,
                count=len(matches),
                simulated_at=first,
                simulated_last_at=last,
                outcome=outcome,
                reason=delivery.reason,
                delivery_id=delivery.id,
                received_at=delivery.received_at,
                lateness_s=max(_lateness_s(callback, due_at, one) for due_at, one in matches),
                duration_s=max((one.duration_s or 0 for _, one in matches), default=None),
            )
            identity = 0


def match_deliveries(
    callbacks: Sequence[ExpectedCallback], deliveries: Sequence[Delivery], policy: MatchPolicy
) -> tuple[list[ExpectedCallback], tuple[Delivery, ...]]:
    """Match ``deliveries`` to ``callbacks``; mark a callback without a delivery in time as missed.

    Returns the updated callbacks, and the deliveries that may still match one.
    """
    slots_of: dict[str, list[_Slot]] = {}
    for callback in sorted(callbacks, key=lambda one: (one.noticed_at, one.simulated_at)):
        slots_of.setdefault(callback.dataset, []).append(_Slot(callback))
    unmatched: list[Delivery] = []
    sent = (one for one in deliveries if one.again_of is None)
    for delivery in sorted(sent, key=lambda one: (one.received_at, one.id)):
        slots = slots_of.get(delivery.dataset, [])
        owner = None if delivery.outcome is Outcome.REFUSED else _owner(slots, delivery, policy)
        if owner is None:
            unmatched.append(delivery)
        else:
            owner.assign(delivery, policy.lateness.grace)
    for slots in slots_of.values():
        for slot in slots:
            if _is_overdue(slot.callback, policy):
                _mark_missed(slot, unmatched, policy)
    after = [one for slots in slots_of.values() for slot in slots for one in slot.results()]
    may_match = [one for one in unmatched if _may_match(one, after, policy)]
    return after, tuple(may_match[-MAX_UNMATCHED:])


def _owner(slots: Sequence[_Slot], delivery: Delivery, policy: MatchPolicy) -> _Slot | None:
    """Return the expected callback that a delivery is for, or None if there is none."""
    came = delivery.received_at
    due = [
        slot
        for slot in slots
        if slot.left
        and slot.callback.since_at <= came
        and not _is_too_early(slot, delivery, policy)
    ]
    fitting = [slot for slot in due if came <= slot.callback.noticed_at]
    is_cancelled = ExpectedOutcome.CANCELLED
    fitting = [slot for slot in fitting if slot.callback.outcome is not is_cancelled] or fitting
    if not fitting and came < policy.listed_at:
        in_flight = [
            one
            for one in policy.in_flight
            if one.entry.dataset == delivery.dataset and not one.is_given_up
        ]
        # An entry in flight expects more callbacks once it returns, and takes precedence.
        floor = min((one.noticed_at for one in in_flight), default=None)
        fitting = [
            slot
            for slot in due
            if slot.callback.outcome is not is_cancelled
            and came
            <= slot.callback.noticed_at + policy.lateness.grace + policy.lateness.late_window
            and (floor is None or slot.callback.noticed_at >= floor)
        ]
    clock_at = delivery.simulated_at
    reached = [slot for slot in fitting if clock_at is not None and slot.due_at <= clock_at]
    if reached:
        return max(reached, key=lambda slot: slot.due_at)
    return min(fitting, key=lambda slot: slot.due_at, default=None)


def _is_too_early(slot: _Slot, delivery: Delivery, policy: MatchPolicy) -> bool:
    """Return True if it arrived before the last server stopped, long before this was due."""
    clock_at = delivery.simulated_at
    if clock_at is None or slot.callback.since_at >= policy.serving_since:
        return False
    # Our reading of the clock may be a few ticks old.
    return (slot.due_at - clock_at).total_seconds() > 5 * slot.callback.speed


def _is_overdue(callback: ExpectedCallback, policy: MatchPolicy) -> bool:
    """Return True if its delivery would be in the journal by now, had it arrived in time."""
    if callback.outcome is not ExpectedOutcome.PENDING:
        return False
    ends_at = callback.noticed_at + policy.lateness.grace
    busy_since = policy.busy_since.get(callback.dataset)
    return policy.now > ends_at and (busy_since is None or busy_since > ends_at)


def _mark_missed(slot: _Slot, unmatched: list[Delivery], policy: MatchPolicy) -> None:
    callback = slot.callback
    for delivery in list(unmatched):
        if not slot.left:
            return
        if delivery.outcome is Outcome.REFUSED and _is_near(delivery, callback, policy):
            unmatched.remove(delivery)
            slot.assign(delivery, policy.lateness.grace)
    if slot.left:
        slot.is_missed = True
        if callback.since_at < policy.serving_since:
            slot.callback = replace(callback, reason=SERVER_WAS_DOWN)


def _is_near(delivery: Delivery, callback: ExpectedCallback, policy: MatchPolicy) -> bool:
    ends_at = callback.noticed_at + policy.lateness.grace
    return (
        delivery.dataset == callback.dataset
        and callback.since_at <= delivery.received_at <= ends_at
    )


def _may_match(
    delivery: Delivery, callbacks: Sequence[ExpectedCallback], policy: MatchPolicy
) -> bool:
    """Return True if an expected callback may still come up that this delivery matches."""
    if delivery.received_at >= policy.listed_at:
        return True
    if delivery.outcome is Outcome.REFUSED:
        return any(
            callback.outcome is ExpectedOutcome.PENDING and _is_near(delivery, callback, policy)
            for callback in callbacks
        )
    return any(
        call.entry.dataset == delivery.dataset and call.since_at <= delivery.received_at
        for call in policy.in_flight
    )


def _outcome(
    callback: ExpectedCallback, due_at: datetime, delivery: Delivery, grace: timedelta
) -> ExpectedOutcome:
    if delivery.outcome is Outcome.REFUSED:
        return ExpectedOutcome.REFUSED
    if delivery.outcome is Outcome.FAILED:
        return ExpectedOutcome.FAILED
    step = period(callback.recurrence)
    if step is not None and (delivery.duration_s or 0) * callback.speed > step.total_seconds():
        return ExpectedOutcome.SLOW
    # A tick passes the due time by up to one tick, and the clock's reading may be one tick late.
    is_late = _lateness_s(callback, due_at, delivery) > 2 * callback.speed
    if is_late or delivery.received_at > callback.noticed_at + grace:
        return ExpectedOutcome.LATE
    return ExpectedOutcome.ON_TIME


def _lateness_s(callback: ExpectedCallback, due_at: datetime, delivery: Delivery) -> float:
    """Return the simulated seconds from when it was due to when it arrived, never below 0."""
    if delivery.simulated_at is not None:
        return max(0.0, (delivery.simulated_at - due_at).total_seconds())
    late_s = (delivery.received_at - callback.noticed_at).total_seconds()
    return max(0.0, late_s * callback.speed)
