"""A short summary of a run."""

from __future__ import annotations

from ecommerce_core.domain import Action, Run, RunStatus
from pages.ui import language
from pages.ui import text as _


def summary(run: Run, *, brief: bool = False) -> str:
    """Return a short summary of what a run did or would do: ``1,200 added, 3 rejected``.

    A ``brief`` one leaves out the rows that stayed as they were.
    """
    words, counts = language(), run.counts
    if run.status is RunStatus.HELD:
        parts = [
            (counts.added, _("would add {n}")),
            (counts.returned, _("{n} would return")),
            (counts.updated, _("would change {n}")),
            (counts.withdrawn, _("would withdraw {n}")),
            (counts.rejected, _("{n} rejected")),
        ]
        return ", ".join(form.format(n=words.number(n)) for n, form in parts if n)
    if not run.status.is_good or run.status is RunStatus.UNCHANGED:
        return _("nothing has changed")
    parts = [
        (counts.added, _("{n} added")),
        (counts.returned, _("{n} returned")),
        (counts.updated, _("{n} changed")),
        (counts.withdrawn, _("{n} cleared") if run.action is Action.CLEAR else _("{n} withdrawn")),
        (counts.rejected, _("{n} rejected")),
        (0 if brief else counts.unchanged, _("{n} unchanged")),
    ]
    done = [form.format(n=words.number(n)) for n, form in parts if n]
    return ", ".join(done) or _("nothing has changed")
