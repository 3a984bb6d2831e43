"""What to do about a fetch that failed, by what the journal says went wrong."""

from __future__ import annotations

from ecommerce_core.domain import N_, Run, RunStatus, advice
from pages.ui import language

_KEPT = N_("The stored data was left as it was.")


def of(run: Run) -> str:
    """One sentence or two for a failed or interrupted run; empty for any other."""
    if run.status not in {RunStatus.FAILED, RunStatus.INTERRUPTED}:
        return ""
    words = language()
    code = "" if run.error is None else run.error.code
    return f"{words.text(_KEPT)} {words.text(advice(code))}"
