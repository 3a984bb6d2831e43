"""Turn a run, or the error that took its place, into the answer to a callback."""

from __future__ import annotations

from dataclasses import asdict

from ecommerce_core.companion.http import (
    JSON,
    PREFIX,
    RETRY_LATER,
    TEXT,
    Problem,
    Reply,
    encode_json,
)
from ecommerce_core.domain import (
    PeerError,
    Run,
    RunStatus,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreIncompatible,
    SyncError,
    make_fact,
)

RUN_PAGE = f"{PREFIX}/activity"

# Used in place of the error, whose details may contain the path of the file.
_STORE_PROBLEMS: tuple[tuple[type[StoreError], str], ...] = (
    (StoreBusy, "database_held"),
    (StoreFull, "database_full"),
    (StoreDamaged, "database_damaged"),
    (StoreIncompatible, "database_foreign"),
    (StoreError, "database_failed"),
)

_GOOD = frozenset(status for status in RunStatus if status.is_good)


def accepted(dataset: str, run_id: int | None, *, joined: bool, as_json: bool) -> Reply:
    """Return 202 for a caller that does not wait. ``run_id`` is None if the run has not begun."""
    location = RUN_PAGE if run_id is None else f"{RUN_PAGE}?run={run_id}"
    headers = (("Preference-Applied", "respond-async"), ("Location", location))
    if as_json:
        members = _members("accepted", dataset, run_id, joined=joined)
        return Reply(202, encode_json(members), JSON, headers)
    text = "Accepted\n" + (f"run {run_id}\n" if run_id else "the run waits for its turn\n")
    return Reply(202, text.encode(), TEXT, headers)


def reply_of(run: Run, *, joined: bool, as_json: bool) -> Reply:
    """Return the answer for a run that ended. Raises Problem if it failed."""
    if run.status not in {*_GOOD, RunStatus.HELD}:
        status = 502 if run.status is RunStatus.FAILED else 503
        members = _members(run.status.value, run.dataset, run.id, joined=joined, run=run)
        members["run_status"] = members.pop("status")
        reason = run.error or make_fact("run_ended", run_id=run.id, status=run.status.value)
        headers = RETRY_LATER if status == 503 else ()
        raise Problem(status, reason, headers, members=members)
    # Held: the answer was fetched, but an operator has to decide whether to apply it.
    status = 202 if run.status is RunStatus.HELD else 200
    headers = (("Location", f"{RUN_PAGE}?run={run.id}"),) if status == 202 else ()
    if as_json:
        members = _members(run.status.value, run.dataset, run.id, joined=joined, run=run)
        return Reply(status, encode_json(members), JSON, headers)
    first = "Held: an operator has to confirm this run" if status == 202 else "Done"
    counts = ", ".join(f"{count} {name}" for name, count in asdict(run.counts).items())
    text = f"{first}\nrun {run.id} {run.status.value}: {counts}\n"
    return Reply(status, text.encode(), TEXT, headers)


def _members(
    status: str, dataset: str, run_id: int | None, *, joined: bool, run: Run | None = None
) -> dict[str, object]:
    error = None if run is None else run.error
    return {
        "status": status,
        "dataset": dataset,
        "run_id": run_id,
        "joined": joined,
        "counts": None if run is None else asdict(run.counts),
        "error": None if error is None else str(error),
        "code": None if error is None else error.code,
        "details": {} if error is None else error.details,
    }


def problem_of(error: Exception) -> Problem | None:
    """Return the problem to answer for an error, or None if the error is not an expected one."""
    if isinstance(error, StoreError):
        code = next(code for kind, code in _STORE_PROBLEMS if isinstance(error, kind))
        return Problem(503, make_fact(code), RETRY_LATER)
    if isinstance(error, SyncError):
        return Problem(503, error.fact, RETRY_LATER)
    if isinstance(error, PeerError):
        return Problem(502, error.fact)
    return None
