"""What the words and columns on the pages mean, and which keys there are."""

from collections.abc import Sequence

import streamlit as st

from ecommerce_core.datasets import Dataset, Kind
from pages import ui
from pages.explore_page import schema
from pages.ui import header, language
from pages.ui import text as _
from pages.ui.table import Column, show_table


def define(title: str, words: Sequence[tuple[str, str]]) -> None:
    """A list of words with what they mean."""
    st.header(title, anchor=False)
    line = _("- **{word}**: {meaning}")
    st.markdown("\n".join(line.format(word=word, meaning=meaning) for word, meaning in words))


def show_columns(dataset: Dataset) -> None:
    """The columns of a dataset, and what they are called in files and in SQL."""
    kinds = {
        Kind.TEXT: _("text"),
        Kind.ID: _("text"),
        Kind.NUMBER: _("number"),
        Kind.MONEY: _("number"),
        Kind.MOMENT: _("date and time"),
    }
    rows = [
        {
            "label": schema.label(column),
            "field": column.field,
            "kind": kinds[column.kind],
            "help": _(column.help) if column.help else "",
        }
        for column in dataset.row_columns
    ]
    columns = [
        Column("label", label=_("Column"), width=170),
        Column("field", label=_("In files and SQL"), width=190),
        Column("kind", label=_("Kind"), width=120),
    ]
    if any(row["help"] for row in rows):
        columns.append(Column("help", label=_("Meaning"), width=420))
    name = schema.title(dataset)
    st.subheader(name, anchor=False)
    show_table(rows, columns, key=f"help_{dataset.name}", alt=name, height="content")


header.show(_("Help"))
grace = language().duration(ui.application().settings.callback_grace_s)
share = language().number(ui.application().settings.hold_above_percent)
define(
    _("Rows"),
    [
        (_("Current"), _("The service that owns the row lists it.")),
        (
            _("Withdrawn"),
            _(
                "The service no longer lists the row. It is kept and hidden, and comes back when"
                " the service lists it again."
            ),
        ),
        (_("Added, changed"), _("What a run did to a row. Changes are kept field by field.")),
        (
            _("Rejected"),
            _(
                "A record that could not be taken, with the reason. The other records of the same"
                " answer are taken."
            ),
        ),
    ],
)
define(
    _("Runs"),
    [
        (_("Fetch"), _("Brings products or customers in line with what their service has.")),
        (_("Run"), _("One fetch, clear or undo, as the journal remembers it.")),
        (_("Succeeded"), _("The whole answer was taken.")),
        (_("Partial"), _("The answer was taken without the records that were rejected.")),
        (_("Unchanged"), _("The service answered what was taken before.")),
        (
            _("Held"),
            _(
                "The answer would withdraw more than {share} % of the rows. Nothing changes until"
                " an operator confirms or discards it."
            ).format(share=share),
        ),
        (_("Failed"), _("There was no usable answer. Nothing changed.")),
        (_("Interrupted"), _("The server ended during the run. Nothing changed.")),
        (
            _("Clear, undo"),
            _("A clear empties a dataset. It can be undone until the next fetch of that dataset."),
        ),
    ],
)
define(
    _("Scheduler"),
    [
        (_("Simulated clock"), _("The scheduler's clock, which all applications share.")),
        (_("Task"), _("An entry in the scheduler's list: what to fetch, and when.")),
        (_("Callback"), _("The call by which the scheduler has us fetch.")),
        (
            _("On time"),
            _("The callback came within {grace} of the moment at which it was due.").format(
                grace=grace
            ),
        ),
        (_("Late"), _("The callback came after that.")),
        (_("Overran"), _("The callback came, and its fetch took longer than the task's period.")),
        (_("Missed"), _("The callback was due and has not come.")),
        (
            _("No longer expected"),
            _("The task was deleted, or the clock was set back, before the callback was due."),
        ),
    ],
)
st.header(_("Columns"), anchor=False)
for dataset in ui.application().datasets.values():
    show_columns(dataset)
define(
    _("Keys"),
    [
        ("`/`", _("Go to the search.")),
        ("`?`", _("Open this page.")),
        ("`↑ ↓ ← →`", _("Move between the cells of a table.")),
        ("`Ctrl+Enter`", _("Run the query, on the page Explore.")),
    ],
)
define(
    _("Who may do what"),
    [
        (_("Analyst"), _("Reads, exports and explores.")),
        (_("Operator"), _("Also fetches, clears, decides over held answers, and changes tasks.")),
    ],
)
