"""Decide what to send to a message service now, and write its text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecommerce_core.alerts.texts import title_of, todo_of
from ecommerce_core.domain import N_, Alert, AlertKey, Language, Severity
from ecommerce_core.storage import AlertRecord, Told

# An alert that ends within this time is not sent, and alerts that begin together are one message.
SETTLE = timedelta(seconds=30)
# The number of alerts that are listed; the others are counted.
LISTED = 10


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """The severity from which messages are sent, and the interval of reminders."""

    at_least: Severity = Severity.WARNING
    remind_every: timedelta = timedelta(hours=24)
    settle: timedelta = SETTLE

    def wants(self, alert: Alert) -> bool:
        """Return whether an alert is severe enough for a message."""
        return alert.severity.rank >= self.at_least.rank


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: under which name, in which language, and where the pages are.

    ``labels`` are what datasets are called, by their names.
    """

    name: str
    words: Language
    home: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def title_of(self, alert: Alert) -> str:
        """What an alert is called."""
        return title_of(alert, self.words, labels=self.labels)


@dataclass(frozen=True, slots=True)
class Message:
    """The content of one message: alerts that began, that ended, and that still last."""

    began: tuple[Alert, ...] = ()
    over: tuple[Alert, ...] = ()
    lasting: tuple[Alert, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst severity in the message; ``info`` for an all clear."""
        wrong = [*self.began, *self.lasting]
        return max((a.severity for a in wrong), key=lambda s: s.rank, default=Severity.INFO)


def next_message(
    records: Iterable[AlertRecord],
    told: Mapping[AlertKey, Told],
    *,
    now: datetime,
    policy: MessagePolicy,
) -> Message | None:
    """Return the message for a service that was sent ``told`` so far, or None.

    It is made by comparison, so a message that failed is sent later, grouped, and an alert that
    began and ended meanwhile is not sent at all.
    """
    open_now = {record.alert.key: record for record in records}
    began, lasting = [], []
    for key, record in open_now.items():
        alert, known = record.alert, told.get(key)
        is_same = known is not None and known.alert.since_at == alert.since_at
        if not policy.wants(alert) or record.gone_at is not None:
            continue
        if not is_same:
            if now - alert.since_at >= policy.settle:
                began.append(alert)
        elif known is not None and now - known.told_at >= policy.remind_every:
            lasting.append(alert)
    began.sort(key=lambda alert: (-alert.severity.rank, alert.since_at))
    over = [one.alert for key, one in told.items() if key not in open_now]
    if not (began or over or lasting):
        return None
    return Message(tuple(began), tuple(over), tuple(lasting))


def told_after(
    told: Mapping[AlertKey, Told], message: Message, *, now: datetime
) -> dict[AlertKey, Told]:
    """Return what a service has been sent once it has accepted ``message``."""
    over = {alert.key for alert in message.over}
    left = {key: one for key, one in told.items() if key not in over}
    return left | {one.key: Told(one, now) for one in (*message.began, *message.lasting)}


def title_in_words(message: Message, sender: Sender) -> str:
    """Return the subject of a message: ``[e-commerce] A fetch is held: products``."""
    words = sender.words
    every = [*message.began, *message.lasting, *message.over]
    if len(every) == 1:
        name = sender.title_of(every[0])
        if message.over:
            name = words.text(_OVER).format(title=name)
        elif message.lasting:
            name = words.text(_LASTS).format(title=name)
        return f"[{sender.name}] {name}"
    parts = [
        words.plural("{count} new alert", "{count} new alerts", len(message.began)),
        words.plural("{count} alert still open", "{count} alerts still open", len(message.lasting)),
        words.plural("{count} alert is over", "{count} alerts are over", len(message.over)),
    ]
    counts = (len(message.began), len(message.lasting), len(message.over))
    said = ", ".join(part for part, count in zip(parts, counts, strict=True) if count)
    return f"[{sender.name}] {said}"


def body_in_words(message: Message, sender: Sender, *, now: datetime) -> str:
    """The text of a message: no row's data, and nothing that a peer said.

    With the address of the pages there is a link to the one that settles it.
    """
    words, home = sender.words, sender.home
    lines = []
    for alert in [*message.began, *message.lasting][:LISTED]:
        lines += _wrong(alert, sender)
    for alert in message.over[:LISTED]:
        lasted = words.duration((now - alert.since_at).total_seconds())
        lines.append(f"✓ {words.text(_OVER_AFTER)}".format(title=sender.title_of(alert), n=lasted))
    left = max(0, len(message.began) + len(message.lasting) - LISTED)
    left += max(0, len(message.over) - LISTED)
    if left:
        lines.append(words.text(N_("and {n} more")).format(n=words.number(left)))
    if home is not None:
        lines += ["", home]
    return "\n".join(lines)


_OVER = N_("Over: {title}")
_LASTS = N_("Still open: {title}")
_OVER_AFTER = N_("{title} – over after {n}")


def _wrong(alert: Alert, sender: Sender) -> list[str]:
    words, home = sender.words, sender.home
    since = words.text(N_("since {moment}")).format(moment=words.moment(alert.since_at))
    lines = [f"● {sender.title_of(alert)} – {words.word(alert.severity)}, {since}"]
    lines.append(f"  {todo_of(alert, words)}")
    if home is not None and alert.page:
        query = f"?run={alert.details['run']}" if "run" in alert.details else ""
        page = f"{home}{alert.page}{query}"
        lines.append(f"  {page}")
    return lines
