"""The words and formats with which a browser writes times and durations as the server does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ecommerce_core.domain import Stage
from pages.ui.session import language
from pages.ui.session import text as _

_LOCALES = {"en": "en-GB", "fr": "fr-FR"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def locale() -> str:
    """Return the reader's language as a browser names it."""
    return _LOCALES[language().code]


def milliseconds(at: datetime) -> int:
    """Return a moment in milliseconds since 1970; a naive one is of the simulated clock."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def words() -> dict[str, Any]:
    """Return the words for times and durations."""
    return {
        "locale": locale(),
        "months": language().months(),
        "d": _("d"),
        "h": _("h"),
        "min": _("min"),
        "s": _("s"),
        "ago": _("{duration} ago"),
        "just_now": _("just now"),
        "in": _("in {duration}"),
        "due": _("due now"),
        "clock_paused": _("clock paused"),
        "clock_still": _("clock stands still"),
    }


def words_of_progress() -> dict[str, Any]:
    """Return the words for the progress of a run."""
    word = language().word
    return {
        **words(),
        "stages": {stage.value: word(stage) for stage in Stage},
        "sizes": [_("B"), _("kB"), _("MB"), _("GB")],
        "of": _("{done} of {total}"),
        "records": _("{n} records"),
    }
