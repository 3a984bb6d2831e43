"""The last 24 hours: changes in each dataset, and the results of runs and callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import streamlit as st

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import ChangeKind, ChangeQuery, Difference, Outcome, RunStatus
from pages import ui
from pages.dataset import change_table
from pages.runs import run_counts
from pages.ui import ChangeView, address, labels, language, status
from pages.ui import text as _
from pages.ui.current_application import page_of
from pages.ui.labels import dataset_title

DAY = timedelta(days=1)
MOVERS_SHOWN = 3
NAME_CHARS = 24
BAD: frozenset[StrEnum] = frozenset(
    {
        RunStatus.FAILED,
        RunStatus.INTERRUPTED,
        RunStatus.HELD,
        RunStatus.PARTIAL,
        Outcome.FAILED,
        Outcome.REFUSED,
    }
)


def show() -> None:
    """Show the card. Raises StoreError."""
    since = datetime.now(UTC) - DAY
    st.markdown(f"**{_('The last 24 hours')}**")
    for dataset in ui.application().datasets.values():
        _changes(dataset, since)
    store = ui.application().store
    runs = run_counts.of_runs(store.run_counts_since(since))
    callbacks = run_counts.of_callbacks(store.delivery_counts_since(since))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _ends(runs, _("No runs"), "status")
        _ends(callbacks, _("No callbacks"), "outcome")


def _changes(dataset: Dataset, since: datetime) -> None:
    """Show the changes of one dataset's rows, with a link to them."""
    words, store = language(), ui.application().store
    between = store.good_runs_since(dataset.name, since)
    name = dataset_title(dataset.name)
    if between is None:
        st.markdown(f"**{name}**  \n:small[{_('Not fetched yet.')}]")
        return
    first, last = between.first, between.last
    with ui.application().changes.at(dataset, first.id, last.id) as changes:
        counts = changes.count_rows(ChangeQuery())
        movers = _movers(dataset, changes)
    forms = {
        ChangeKind.ADDED: _("{n} added"),
        ChangeKind.RETURNED: _("{n} returned"),
        ChangeKind.UPDATED: _("{n} changed"),
        ChangeKind.WITHDRAWN: _("{n} withdrawn"),
    }
    done = [
        form.format(n=words.number(counts[kind])) for kind, form in forms.items() if counts[kind]
    ]
    text = ", ".join(done) or _("nothing has changed")
    if first.started_at >= since:
        text = _("since the first fetch: {what}").format(what=text)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{name}**", width="content")
        if sum(counts.values()):
            asked = {"view": "changes", "from": str(first.id), "to": str(last.id)}
            _link(page_of(dataset.name), _("What changed"), asked)
    lines = [text, *movers]
    st.markdown("  \n".join(f":small[{line}]" for line in lines))


def _movers(dataset: Dataset, changes: ChangeView) -> list[str]:
    """Return the amounts of money that changed most, each with its row."""
    found = []
    for column in dataset.columns:
        if column.kind is Kind.MONEY:
            query = ChangeQuery(
                field=column.name, sort="move", descending=True, page_size=MOVERS_SHOWN
            )
            found += [_mover(dataset, each) for each in changes.list_entries(query) if each.percent]
    return found


def _mover(dataset: Dataset, change: Difference) -> str:
    icon = "trending_up" if (change.difference or 0) > 0 else "trending_down"
    new = labels.shown_change(dataset, change.field, change.new)
    title = change.title or change.key
    name = ui.escape(title if len(title) <= NAME_CHARS else f"{title[:NAME_CHARS].rstrip()}…")
    return f":material/{icon}: {name} {new} ({change_table.percent_of(change)})"


def _ends(parts: Sequence[tuple[StrEnum, str]], none: str, name: str) -> None:
    """Show how many ended in each way, with links to those that failed."""
    for key, text in parts:
        if key in BAD:
            _link("activity.py", status.pill(key, text), {name: str(key)}, icon=None)
        else:
            st.markdown(status.pill(key, text), width="content")
    if not parts:
        st.caption(none, width="content")


def _link(
    page: str, label: str, asked: dict[str, str], *, icon: str | None = ":material/arrow_forward:"
) -> None:
    asked = {**address.language_kept(), **asked}
    st.page_link(page, label=label, icon=icon, query_params=asked)
