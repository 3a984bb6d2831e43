"""What the application's own identifiers are called, and the mark of a text for translation."""

from __future__ import annotations


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a text translated later
    """Mark a text for the catalogue, and leave it as it is."""
    return message


# What the application's own identifiers are called in front of people.
WORDS = {
    "manual": N_("manual"),
    "callback": N_("callback"),
    "cli": N_("command line"),
    "analyst": N_("analyst"),
    "operator": N_("operator"),
    "sync": N_("fetch"),
    "clear": N_("clear"),
    "undo_clear": N_("undo of a clear"),
    "running": N_("running"),
    "succeeded": N_("succeeded"),
    "partial": N_("partial"),
    "unchanged": N_("unchanged"),
    "held": N_("held"),
    "failed": N_("failed"),
    "interrupted": N_("interrupted"),
    "confirmed": N_("confirmed"),
    "discarded": N_("discarded"),
    "superseded": N_("superseded"),
    "executed": N_("executed"),
    "joined": N_("joined a running fetch"),
    "refused": N_("refused"),
    "pending": N_("pending"),
    "on_time": N_("on time"),
    "late": N_("late"),
    "slow": N_("overran"),
    "missed": N_("missed"),
    "cancelled": N_("no longer expected"),
    "waiting": N_("Waiting"),
    "downloading": N_("Downloading"),
    "validating": N_("Checking"),
    "storing": N_("Storing"),
    "none": N_("once"),
    "minute": N_("every minute"),
    "hour": N_("every hour"),
    "day": N_("every day"),
    "week": N_("every week"),
    "int": N_("a whole number"),
    "float": N_("a number"),
    "str": N_("a text"),
    "bool": N_("true or false"),
    "null": N_("null"),
    "object": N_("an object"),
    "array": N_("a list"),
}
