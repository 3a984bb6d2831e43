"""Advice on a failed fetch, chosen by the error in the journal."""

from __future__ import annotations

from ecommerce_core.domain import N_, Run, RunStatus, advice
from pages.ui import language

_KEPT = N_("The stored data was not changed.")


def of(run: Run) -> str:
    """Return advice for a failed or interrupted run, in a sentence or two; empty for any other."""
    if run.status not in {RunStatus.FAILED, RunStatus.INTERRUPTED}:
        return ""
    words = language()
    code = "" if run.error is None else run.error.code
    return f"{words.text(_KEPT)} {words.text(advice(code))}"
