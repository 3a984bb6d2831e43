"""A fact, and its text for a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ecommerce_core.domain.labels import N_, WORDS
from ecommerce_core.domain.messages.database_server import DATABASE_SERVER
from ecommerce_core.domain.messages.explore import EXPLORE
from ecommerce_core.domain.messages.peers import PEERS
from ecommerce_core.domain.messages.records import RECORDS
from ecommerce_core.domain.messages.requests import REQUESTS
from ecommerce_core.domain.messages.runs import RUNS
from ecommerce_core.domain.messages.scheduler import SCHEDULER
from ecommerce_core.domain.messages.store import STORE

# The one registry: a code has one template and never changes its meaning, as journals keep it.
TEMPLATES: Mapping[str, str] = {
    **PEERS,
    **SCHEDULER,
    **STORE,
    **DATABASE_SERVER,
    **RUNS,
    **RECORDS,
    **REQUESTS,
    **EXPLORE,
}

_OR = N_(" or ")
# Details that say how many, which are written as the reader writes numbers.
_COUNTS = {"count", "records", "cleared", "withdrawn", "current", "limit"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A finding: ``code`` is a key of TEMPLATES, ``details`` fill in the template.

    A detail may be a fact itself, or a list of names that have a label.
    """

    code: str
    details: Mapping[str, Detail] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """Return the English text, for the log and the command line."""
        return text(self.code, self.details, str)


Detail = str | int | float | list[str] | Fact | None


def make_fact(code: str, **details: object) -> Fact:
    """Make a fact. Details that are no JSON values are kept as their text."""
    return Fact(code, {name: _plain(value) for name, value in details.items()})


def said(words: object) -> Fact:
    """Make a fact that consists of a person's or peer's own words, which are shown unchanged."""
    return make_fact("said", text=words)


def text(
    code: str,
    details: Mapping[str, Detail],
    translate: Callable[[str], str],
    number: Callable[[int], str] = "{:,}".format,
) -> str:
    """The sentence. ``translate`` gets source texts, ``number`` what is counted.

    A code that this version does not know, or details that do not fit, are shown as they are.
    """
    try:
        template = translate(TEMPLATES[code])
        shown = {
            name: number(value)
            if name in _COUNTS and isinstance(value, int)
            else _shown(value, translate, number)
            for name, value in details.items()
        }
        filled = template.format(**shown)
        if "field" in shown and "{field}" not in template:
            return translate(TEMPLATES["in_field"]).format(field=shown["field"], reason=filled)
        return filled
    except (LookupError, ValueError):
        return " ".join([code, *(f"{name}={value}" for name, value in details.items())])


def _shown(value: Detail, translate: Callable[[str], str], number: Callable[[int], str]) -> object:
    if isinstance(value, Fact):
        return text(value.code, value.details, translate, number)
    if isinstance(value, list):
        return translate(_OR).join(translate(WORDS.get(name, name)) for name in value)
    return value


def _plain(value: object) -> Detail:
    return value if isinstance(value, str | int | float | list | Fact | None) else str(value)
