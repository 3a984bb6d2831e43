"""The glossary: one word for one thing, with its meaning, as the help page shows it.

Pages, messages and documents use these words and no others for these things. A ``code`` is a
status, an outcome or a role, whose word is its label everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ecommerce_core.domain.labels import N_


@dataclass(frozen=True, slots=True)
class Term:
    """A term and its meaning, a source text in which ``{grace}`` and ``{share}`` are settings.

    The word is that of ``labels.WORDS`` for ``code``, or else ``word``, a source text.
    """

    meaning: str
    code: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The terms of one field."""

    title: str
    terms: tuple[Term, ...]


GLOSSARY: tuple[Chapter, ...] = (
    Chapter(
        N_("Rows"),
        (
            Term(N_("The service that owns the row lists it."), word=N_("Current")),
            Term(
                N_(
                    "The service no longer lists the row. It is kept and hidden, and comes back"
                    " when the service lists it again."
                ),
                word=N_("Withdrawn"),
            ),
            Term(N_("A withdrawn row that the service lists again."), word=N_("Returned")),
            Term(
                N_("What a run did to a row. Changes are kept field by field."),
                word=N_("Added, changed"),
            ),
            Term(
                N_(
                    "A record that could not be taken, with the reason. The other records of the"
                    " same answer are taken."
                ),
                word=N_("Rejected"),
            ),
        ),
    ),
    Chapter(
        N_("Runs"),
        (
            Term(N_("Brings products or customers in line with what their service has."), "sync"),
            Term(N_("One fetch, clear or undo, as the journal remembers it."), word=N_("Run")),
            Term(
                N_(
                    "A clear empties a dataset. It can be undone until the next fetch of that"
                    " dataset."
                ),
                word=N_("Clear, undo"),
            ),
            Term(N_("The run has not ended yet."), "running"),
            Term(N_("The whole answer was taken."), "succeeded"),
            Term(N_("The answer was taken without the records that were rejected."), "partial"),
            Term(N_("The answer was the same as before."), "unchanged"),
            Term(
                N_(
                    "The answer would withdraw more than {share} % of the rows. Nothing changes"
                    " until an operator confirms or discards it."
                ),
                "held",
            ),
            Term(N_("There was no usable answer. Nothing changed."), "failed"),
            Term(N_("The server ended during the run. Nothing changed."), "interrupted"),
        ),
    ),
    Chapter(
        N_("Scheduler"),
        (
            Term(
                N_("The scheduler's clock, which all applications share."),
                word=N_("Simulated clock"),
            ),
            Term(N_("An entry in the scheduler's list: what to fetch, and when."), word=N_("Task")),
            Term(N_("The call by which the scheduler has us fetch."), "callback"),
            Term(N_("The callback arrived, and its fetch was done."), "executed"),
            Term(N_("The callback arrived during a fetch, and shares its result."), "joined"),
            Term(N_("The callback could not prove that it came from the scheduler."), "refused"),
            Term(N_("The callback is due and may still arrive."), "pending"),
            Term(
                N_("The callback arrived within {grace} of the moment at which it was due."),
                "on_time",
            ),
            Term(N_("The callback arrived after that."), "late"),
            Term(
                N_("The callback arrived, and its fetch took longer than the task's period."),
                "slow",
            ),
            Term(N_("The callback was due and has not arrived."), "missed"),
            Term(
                N_("The task was deleted, or the clock was set back, before the callback was due."),
                "cancelled",
            ),
        ),
    ),
    Chapter(
        N_("Who may do what"),
        (
            Term(N_("Reads, exports and explores."), "analyst"),
            Term(
                N_("Also fetches, clears, decides over held answers, and changes tasks."),
                "operator",
            ),
        ),
    ),
)
