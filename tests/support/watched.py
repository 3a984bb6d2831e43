"""A check for alerts whose messages go to a webhook, one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ecommerce_core.alerts import AlertWatch, FactSource, MessagePolicy, Messenger, Sender
from ecommerce_core.domain import AlertKey, Language
from ecommerce_core.storage import AlertRecord, Leader
from tests.support.receivers import Webhook
from tests.support.waiting import until

POLICY = MessagePolicy(settle=timedelta(0))


class Watched:
    """Looks when it is told to, and tells a webhook at once."""

    def __init__(self, facts: FactSource, hook: Webhook, leader: Leader) -> None:
        self.hook = hook
        self.watch = AlertWatch(facts, leader=leader, probe_every_s=0, clear_after=timedelta(0))
        self._records: Mapping[AlertKey, AlertRecord] | None = None
        sender = Sender("shop", Language("en"))
        told = Messenger([hook.url], facts.store, sender=sender, policy=POLICY)
        self.watch.observers += [told.hear, self._hear]
        [self._service] = told.services

    def _hear(self, records: Mapping[AlertKey, AlertRecord] | None) -> None:
        self._records = records

    def look(self) -> list[str]:
        """The titles of what has been sent by now, after one more look."""
        self.watch.look()
        # An alert begins with the fault, a moment before the look.
        now = datetime.now(UTC) + timedelta(seconds=1)
        if self._records is not None:
            self._service.step(self._records.values(), now=now, policy=POLICY)
        return [title.removeprefix("[shop] ") for title in self.hook.titles]

    def told_of(self, title: str) -> None:
        """Look until just this is told, and a look more tells nothing else."""
        until(lambda: self.look()[-1:] == [title])
        assert self.look().count(title) == 1

    def cleared(self, title: str) -> None:
        """Look until it is said to be over."""
        until(lambda: self.look()[-1:] == [f"Over: {title}"])
        assert self.watch.newest() == ()
