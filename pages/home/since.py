"""The last 24 hours: changes in each dataset, and the results of runs and callbacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import ChangeKind, ChangeQuery, Difference, Outcome, RunStatus
from pages import ui
from pages.dataset import change_table
from pages.ui import ChangeView, address, language, sign_and_word
from pages.ui import text as _
from pages.ui.current_application import page_of
from pages.ui.labels import dataset_title

DAY = timedelta(days=1)
MOVERS_SHOWN = 3
BAD_RUNS = (RunStatus.FAILED, RunStatus.INTERRUPTED, RunStatus.HELD)
BAD_DELIVERIES = (Outcome.FAILED, Outcome.REFUSED)


def show() -> None:
    """Show the card. Raises StoreError."""
    since = datetime.now(UTC) - DAY
    st.markdown(f"**{_('The last 24 hours')}**")
    for dataset in ui.application().datasets.values():
        _changes(dataset, since)
    store = ui.application().store
    _ends(_("Runs"), store.run_counts_since(since), BAD_RUNS, "status")
    _ends(_("Callbacks"), store.delivery_counts_since(since), BAD_DELIVERIES, "outcome")


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
    if first.started_at >= since:
        moment = words.moment(first.finished_at or first.started_at, seconds=False)
        done.insert(0, _("first fetched on {moment}").format(moment=ui.escape_time(moment)))
    st.markdown(f"**{name}**  \n:small[{', '.join(done) or _('nothing has changed')}]")
    if sum(counts.values()):
        for mover in movers:
            st.markdown(f":small[{mover}]")
        asked = {"view": "changes", "from": str(first.id), "to": str(last.id)}
        _link(page_of(dataset.name), _("What changed"), asked)


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
    old, new = (
        change_table.value_of(dataset, change.field, value) for value in (change.old, change.new)
    )
    name = ui.escape(change.title or change.key)
    return f":material/{icon}: {name}: {old} → {new} ({change_table.percent_of(change)})"


def _ends(
    title: str,
    counts: dict[RunStatus, int] | dict[Outcome, int],
    bad: tuple[RunStatus, ...] | tuple[Outcome, ...],
    name: str,
) -> None:
    """Show how many ended in each way, with links to those that failed."""
    words, by_name = language(), {str(key): count for key, count in counts.items()}
    parts = [f"{sign_and_word(key)} {words.number(count)}" for key, count in by_name.items()]
    st.markdown(f"**{title}** :small[{' · '.join(parts) or _('none')}]")
    for key in bad:
        if by_name.get(str(key)):
            _link("activity.py", sign_and_word(key), {name: str(key)})


def _link(page: str, label: str, asked: dict[str, str]) -> None:
    asked = {**address.language_kept(), **asked}
    st.page_link(page, label=label, icon=":material/arrow_forward:", query_params=asked)
