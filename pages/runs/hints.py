"""What to do about a fetch that failed, by what the journal says went wrong."""

from __future__ import annotations

import re

from ecommerce_core.domain import N_, Run, RunStatus
from pages.ui import language

# The journal keeps an error as its English sentence. The first that is found in it counts:
# what a peer said stands behind our own words, so ours are looked for from the beginning.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"the gateway('s name is not known| took no| refuses| cannot be trusted)"
        r"|the address of .+ makes no sense",
        N_("See that the gateway runs and that ECOMMERCE_GATEWAY_URL names it, then fetch again."),
    ),
    (
        r"the gateway has no route",
        N_("The gateway must learn where the peer is; then fetch again."),
    ),
    (r"the gateway says .+ is down", N_("Fetch again once the peer runs.")),
    (
        r"none of the .+ records|\S+ (answered (JSON of another shape|something that is no JSON)"
        r"|answered with status|sent an answer that does not unpack|did not answer in proper HTTP"
        r"|packed its answer|redirects)",
        N_("The peer broke the contract, and will again: tell those who run it what stands here."),
    ),
    (
        r"\S+ sent more than the \S+ records",
        N_("If so many are right, raise ECOMMERCE_MAX_RECORDS and start again."),
    ),
    (
        r"the answer of \S+ could not be read before the deadline",
        N_("If so much is right, raise ECOMMERCE_DEADLINE_S and start again."),
    ),
    (
        r"\S+ sent more than",
        N_("If so much is right, raise ECOMMERCE_MAX_BODY_MB and start again."),
    ),
    (
        r"\S+ answered 4\d\d",
        N_("The peer refuses our question: see that the path in the settings is right."),
    ),
    (
        r"\S+ (answered 5\d\d|did not answer within|was not done within|fell silent|closed the)",
        N_(
            "The peer is in trouble: fetch again in a while, and tell those who run it if it stays."
        ),
    ),
    (r"the database is busy", N_("Another program holds the database: fetch again in a moment.")),
    (r"the disk is full", N_("Make room on the disk, then fetch again.")),
    (
        r"\S+ (is no sound SQLite database|fails SQLite's check)",
        N_("Stop the server and restore a backup."),
    ),
    (
        r"The process ended during this run|the application is shutting down",
        N_("The server stopped in the middle of it: fetch again."),
    ),
)
_KEPT = N_("The stored data was left as it was.")
OTHERWISE = N_("Fetch again; if it stays so, the server's log tells more.")


def of(run: Run) -> str:
    """One sentence or two for a failed or interrupted run; empty for any other."""
    if run.status not in {RunStatus.FAILED, RunStatus.INTERRUPTED}:
        return ""
    words = language()
    return f"{words.text(_KEPT)} {words.text(todo_after(run.error or ''))}"


def todo_after(error: str) -> str:
    """What to do after an error that the journal keeps: a source text. Pure."""
    return next((todo for found, todo in _ADVICE if re.match(found, error)), OTHERWISE)
