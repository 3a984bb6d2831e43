"""Every error this application raises on purpose.

::

    EcommerceError
    ├── SettingsError            a setting makes no sense; the server does not start
    ├── PeerError                a peer, or the way to it, did not do its part (.peer)
    │   ├── PeerUnreachable      refused, unknown name, no route, gateway says it is down
    │   ├── PeerTimedOut         silent for too long, or not done by the deadline
    │   ├── PeerDisconnected     the connection ended in the middle of the answer
    │   ├── PeerRedirected       a redirect that leaves the gateway, or never ends
    │   ├── PeerTooLarge         the answer passes the limit, counted after decompression
    │   ├── PeerRefused          4xx: our request is at fault (.status)
    │   ├── PeerFailed           5xx: the peer is at fault (.status)
    │   └── PeerContractError    the answer is not what the contract says
    ├── StoreError               the database could not do it; nothing was written
    │   ├── StoreBusy            another process holds the database
    │   ├── StoreFull            no room on the disk
    │   ├── RowsPreparing        the first snapshot of the rows is not there yet
    │   ├── StoreDamaged         not a database, or one that fails its check
    │   ├── ChangesRemoved       what differed at that time is not kept any more
    │   ├── StoreReadOnly        the database may be read and not written to
    │   └── StoreIncompatible    a database of another application, or of a newer version
    ├── SyncError
    │   ├── SyncBusy             a sync holds the dataset for longer than we may wait
    │   └── SyncStopped          the application shuts down
    ├── RunNotHeld               the run is not held (any more)
    ├── NothingToUndo            no cleared rows are kept
    ├── DeliveryUnknown          no delivery of that number is in the journal
    ├── ExploreError             a query of the explore page was not answered
    │   ├── ExploreRefused       it asks for more than one SELECT of the public tables
    │   ├── ExploreFailed        the engine found fault with its SQL
    │   ├── ExploreTimedOut      it took longer than it may
    │   ├── ExploreTooLarge      it needs more memory, or gives more, than it may
    │   ├── ExploreCancelled     whoever asked does not wait any more
    │   └── ExploreBusy          too many wait already
    ├── NotAllowed               the actor's role does not allow it; nothing was changed
    ├── TicketRefused            a signed link was made for another question, or has expired
    └── TaskError                a task that the scheduler would refuse or misunderstand

An error is a code and its details (``messages``), so that journals and programs keep what
happened, and a page says it in the reader's language: ``str(error)`` is the English sentence.
"""

from __future__ import annotations

from ecommerce_core.domain.messages import Fact, make_fact


class EcommerceError(Exception):
    """Root of the tree. ``code`` is a key of ``messages.TEMPLATES``, ``details`` fill it in."""

    def __init__(self, code: str, **details: object) -> None:
        self.fact: Fact = make_fact(code, **details)
        self.code = code
        self.details = self.fact.details
        super().__init__(code)

    def __str__(self) -> str:
        """Return the English sentence."""
        return str(self.fact)


def fact_of(error: BaseException) -> Fact:
    """Return the fact for journals: our own errors by their code, others only by their kind."""
    if isinstance(error, EcommerceError):
        return error.fact
    return make_fact("unforeseen_error", kind=type(error).__name__)


class SettingsError(EcommerceError):
    """A setting is invalid: names the variable, the value and what is allowed."""


class PeerError(EcommerceError):
    """A peer, or the connection to it, failed.

    ``peer`` is the service's name behind the gateway and fills ``{peer}``.
    """

    def __init__(self, code: str, *, peer: str, **details: object) -> None:
        self.peer = peer
        super().__init__(code, peer=peer, **details)


class PeerUnreachable(PeerError):
    """No answer: refused, unknown name, no route, or the gateway says that the peer is down."""


class PeerTimedOut(PeerError):
    """The peer was silent for too long, or did not finish by the deadline."""


class PeerDisconnected(PeerError):
    """The connection ended in the middle of the answer."""


class PeerRedirected(PeerError):
    """A redirect that leaves the gateway's origin, or that never ends."""


class PeerTooLarge(PeerError):
    """The answer passes the limit, counted after decompression."""


class PeerRefused(PeerError):
    """4xx: our request is at fault."""

    def __init__(self, code: str, *, peer: str, status: int, **details: object) -> None:
        self.status = status
        super().__init__(code, peer=peer, status=status, **details)


class PeerFailed(PeerError):
    """5xx: the peer is at fault."""

    def __init__(self, code: str, *, peer: str, status: int, **details: object) -> None:
        self.status = status
        super().__init__(code, peer=peer, status=status, **details)


class PeerContractError(PeerError):
    """The answer is not what the contract says."""


class StoreError(EcommerceError):
    """The database failed; nothing was written."""


class StoreBusy(StoreError):
    """Another process holds the database for longer than we may wait."""


class StoreFull(StoreError):
    """The disk has no room."""


class RowsPreparing(StoreError):
    """No snapshot of the rows can be read yet; one is being written."""


class StoreDamaged(StoreError):
    """The file is no SQLite database, or fails its check. It is left as it is."""


class ChangesRemoved(StoreError):
    """What runs changed is kept for a time (a setting), and this was before."""


class StoreReadOnly(StoreError):
    """The database can be read but not written to."""


class StoreIncompatible(StoreError):
    """The file is a database of another application, or of a newer version of this one."""


class SyncError(EcommerceError):
    """A sync could not be run."""


class SyncBusy(SyncError):
    """A sync holds the dataset for longer than we may wait."""


class SyncStopped(SyncError):
    """The application shuts down; the sync was rolled back."""


class RunNotHeld(EcommerceError):
    """The run is not held, or no longer."""


class NothingToUndo(EcommerceError):
    """No cleared rows are kept: none were cleared, or a later sync replaced them."""


class DeliveryUnknown(EcommerceError):
    """No delivery of that number is in the journal."""


class ExploreError(EcommerceError):
    """A question of the explore page was not answered."""


class ExploreRefused(ExploreError):
    """The query is something else than one SELECT of the public tables."""


class ExploreFailed(ExploreError):
    """The engine rejected the SQL; the detail ``reason`` is the engine's message."""


class ExploreTimedOut(ExploreError):
    """The query took longer than it may."""


class ExploreTooLarge(ExploreError):
    """The query needs more memory than it may, or its answer is larger than it may be."""


class ExploreCancelled(ExploreError):
    """The caller has cancelled the query, or the server stops."""


class ExploreBusy(ExploreError):
    """Too many queries are running or waiting already."""


class NotAllowed(EcommerceError):
    """The actor's role does not allow it; nothing was changed."""


class TicketRefused(EcommerceError):
    """The signed link was made for another query, or has expired."""


class TaskError(EcommerceError):
    """A task that the scheduler would refuse or misunderstand."""
