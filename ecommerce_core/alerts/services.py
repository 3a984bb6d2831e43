"""Message services: mail, chat, webhooks and whatever else Apprise supports, each by its URL."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ecommerce_core.alerts.messages import (
    MessagePolicy,
    Sender,
    body_in_words,
    next_message,
    title_in_words,
    told_after,
)
from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import (
    N_,
    AlertKey,
    Language,
    SettingsError,
    Severity,
    StoreError,
)
from ecommerce_core.settings import Settings
from ecommerce_core.storage import AlertRecord, Store, Told

if TYPE_CHECKING:  # importing it takes a quarter of a second, which most commands do not need
    import apprise

logger = logging.getLogger(__name__)

# A failure is retried after this time, then after twice as long, up to the longest.
RETRY_S, LONGEST_RETRY_S = 30.0, 600.0
# The limit of messages an hour; further alerts are grouped into the next message.
MOST_AN_HOUR = 12
# The maximum delay of a message, so that related alerts are grouped.
LOOK_EVERY_S = 5.0

# Apprise's own words for the severities.
_KINDS: Mapping[Severity, str] = {
    Severity.INFO: "success",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "failure",
}


def open_services(urls: Sequence[str], *, sender: str) -> dict[str, apprise.Apprise]:
    """Open the services of Apprise URLs, by a name without a secret. Raises SettingsError."""
    if not urls:
        return {}
    import apprise

    # Apprise's log may quote an answer; failures are logged here instead.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(
        app_id=sender,
        app_desc=sender,
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        # Only the service itself may receive the message.
        http_redirects=False,
    )
    services = {}
    for number, url in enumerate(urls, start=1):
        service = apprise.Apprise(asset=asset)
        if not service.add(url):
            raise SettingsError("alert_url_unknown", number=number)
        services[f"{url.partition(':')[0].lower()} ({number})"] = service
    return services


class MessageService:
    """One service: what it has been sent, and whether it accepts messages.

    ``step`` sends what is due, and blocks meanwhile. ``Messenger`` gives each a thread.
    """

    def __init__(
        self, name: str, url: str, service: apprise.Apprise, store: Store, *, sender: Sender
    ) -> None:
        self.name = name
        # A changed URL is another service, which has been sent nothing yet.
        self._key = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._service = service
        self._store = store
        self._sender = sender
        self._told: dict[AlertKey, Told] | None = None
        self._is_stale = False
        self._is_saved = True
        self._sent_at: deque[datetime] = deque()
        self._failures = 0
        self._retry_at: datetime | None = None
        self.failing_since: datetime | None = None
        self.observers: list[Callable[[bool], None]] = []

    def step(self, records: Iterable[AlertRecord], *, now: datetime, policy: MessagePolicy) -> bool:
        """Send what is due now, if anything; return True if a message was sent."""
        told = self._load()
        if self._retry_at is not None and now < self._retry_at:
            return False
        message = next_message(records, told, now=now, policy=policy)
        if message is None or not self._may_send(now):
            return False
        title = title_in_words(message, self._sender)
        body = body_in_words(message, self._sender, now=now)
        if not self.send(title, body, message.severity, now=now):
            return False
        self._told = told_after(told, message, now=now)
        self._save()
        return True

    def send(self, title: str, body: str, severity: Severity, *, now: datetime) -> bool:
        """Send one message; return whether the service accepted it. Never raises."""
        try:
            is_taken = bool(
                self._service.notify(
                    body=body,
                    title=title,
                    notify_type=_KINDS[severity],
                    body_format="text",
                )
            )
        except Exception as error:
            logger.debug("%s: %s", self.name, type(error).__name__)
            is_taken = False
        self._note(is_taken, now)
        for observer in tuple(self.observers):
            observer(is_taken)
        return is_taken

    def forget(self) -> None:
        """Read again what it has been sent: another server may have sent more meanwhile."""
        self._is_stale = True

    def _note(self, is_taken: bool, now: datetime) -> None:
        if is_taken:
            if self._failures:
                logger.info("message service %s takes messages again", self.name)
            self._failures, self._retry_at, self.failing_since = 0, None, None
            self._sent_at.append(now)
            return
        if not self._failures:
            self.failing_since = now
            logger.warning("message service %s takes no messages", self.name)
        wait_s = min(LONGEST_RETRY_S, RETRY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        self._retry_at = now + timedelta(seconds=wait_s)

    def _may_send(self, now: datetime) -> bool:
        while self._sent_at and now - self._sent_at[0] >= timedelta(hours=1):
            self._sent_at.popleft()
        return len(self._sent_at) < MOST_AN_HOUR

    def _load(self) -> dict[AlertKey, Told]:
        if self._told is None or self._is_stale:
            self._is_stale = False
            try:
                known = self._store.list_told(self._key)
            except StoreError:
                return self._told or {}  # better sent twice than not at all
            # What was sent while the store took nothing is known here alone.
            own = {} if self._is_saved else self._told or {}
            self._told = {one.alert.key: one for one in known} | own
        return self._told

    def _save(self) -> None:
        try:
            self._store.record_told(self._key, (self._told or {}).values())
            self._is_saved = True
        except StoreError as error:
            self._is_saved = False
            logger.debug("what %s was told is not in the journal: %s", self.name, error)


class Messenger:
    """Sends to all services, each from a thread of its own, so that a dead one delays no other."""

    def __init__(
        self,
        urls: Sequence[str],
        store: Store,
        *,
        sender: Sender,
        policy: MessagePolicy,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        opened = open_services(urls, sender=sender.name)
        self.services = [
            MessageService(name, url, service, store, sender=sender)
            for url, (name, service) in zip(urls, opened.items(), strict=True)
        ]
        self._sender = sender
        self._policy = policy
        self._every_s = every_s
        self._records: tuple[AlertRecord, ...] | None = None
        self._changed = threading.Condition()
        self._is_stopping = False
        self._threads: list[threading.Thread] = []

    @classmethod
    def from_settings(
        cls, settings: Settings, store: Store, datasets: Mapping[str, Dataset]
    ) -> Messenger:
        """Return a messenger to the services that the settings name, in their language."""
        home = settings.public_url
        sender = Sender(
            settings.app_name,
            Language(settings.alert_language),
            None if home is None else f"{home}/ecommerce/",
            {name: one.label for name, one in datasets.items()},
        )
        policy = MessagePolicy(
            Severity(settings.alert_from), timedelta(hours=settings.alert_remind_h)
        )
        return cls(settings.alert_urls, store, sender=sender, policy=policy)

    def start(self) -> None:
        """Start the threads; they wait for the open alerts."""
        self._threads = [
            threading.Thread(
                target=self._run, args=(one,), name=f"messages {one.name}", daemon=True
            )
            for one in self.services
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """End the threads; one that waits for its service is abandoned."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        ends_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, ends_s - time.monotonic()))

    def hear(self, records: Mapping[AlertKey, AlertRecord] | None) -> None:
        """Set the open alerts; None if another server sends the messages. Never waits."""
        with self._changed:
            self._records = None if records is None else tuple(records.values())
            self._changed.notify_all()
        if records is None:
            for service in self.services:
                service.forget()

    def failing(self) -> Mapping[str, datetime]:
        """Return the services that refuse messages, and since when."""
        since = {one.name: one.failing_since for one in self.services}
        return {name: at for name, at in since.items() if at is not None}

    def send_test(self) -> dict[str, bool]:
        """Send a test message to each service; return which of them accepted it. Blocks."""
        words, now = self._sender.words, datetime.now(UTC)
        title = f"[{self._sender.name}] {words.text(_TEST_TITLE)}"
        body = words.text(_TEST_BODY)
        taken: dict[str, bool] = {}

        def send(service: MessageService) -> None:
            taken[service.name] = service.send(title, body, Severity.INFO, now=now)

        threads = [threading.Thread(target=send, args=(one,), daemon=True) for one in self.services]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {one.name: taken.get(one.name, False) for one in self.services}

    def _run(self, service: MessageService) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._every_s)
                if self._is_stopping:
                    return
                records = self._records
            if records is not None:
                service.step(records, now=datetime.now(UTC), policy=self._policy)


_TEST_TITLE = N_("Test message")
_TEST_BODY = N_("Messages of this kind arrive here. Nothing is wrong.")
