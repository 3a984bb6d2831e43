"""The view of a dataset's page in this session.

The view is authoritative: a widget is set from it before it is drawn and changes it in its
callback; ``address_bar`` keeps the address in step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Dataset, View
from pages.ui import echo, visits

# Fields that may change without going back to the first page of rows.
_SAME_ROWS = {"page", "row"}
_BARE = View()
# The keys of the tables whose rows open the drawer.
ROWS_TABLE, CHANGES_TABLE = "{name}_table", "{name}_differences"


def current(name: str) -> View:
    """Return the present view of a dataset's page."""
    view: View = st.session_state.get(f"_{name}_view", View())
    return view


def begin(name: str) -> View:
    """Return the view that is drawn now. From here on, the widgets of its tab are accepted."""
    state, view = st.session_state, current(name)
    part = name, view.tab, visits.number()
    if state.get("_part") != part:
        state["_part"], state["_shown"] = part, set()
    return view


def edit(name: str, **changes: Any) -> None:
    """Callback: change the view. Any other rows are shown from their first page, none selected."""
    state = st.session_state
    # A required choice returns None if its click coincides with a change of pages.
    changes = {
        field: value
        for field, value in changes.items()
        if value is not None or getattr(_BARE, field) is None
    }
    if not set(changes) <= _SAME_ROWS:
        changes = {"page": 1, **changes}
    changed = replace(current(name), **changes)
    if changed == current(name):
        return  # for example, a table reports it if its selection is cleared from here
    if set(changes) != {"row"}:
        forget_selection(name)
    state[f"_{name}_view"] = changed
    state[f"_{name}_edited"] = True
    state.pop(f"_{name}_ignored", None)


def forget_selection(name: str) -> None:
    """Select nothing in the table, since a selection is only a position.

    For callbacks, and before the table is drawn: afterwards its state cannot be set.
    """
    for template in (ROWS_TABLE, CHANGES_TABLE):
        key = template.format(name=name)
        table = st.session_state.get(key)
        if table is not None and (held := _held(table)) != ([], []):
            echo.note(key, held)
            st.session_state[key] = {"selection": {"rows": [], "columns": []}}


def _held(table: Any) -> tuple[list[int], list[str]]:
    """Return the rows and the columns that are selected in a table."""
    selection = table["selection"]
    return list(selection["rows"]), list(selection.get("columns", ()))


def select(
    name: str,
    keys: Sequence[str],
    *,
    drawn_on: str,
    table: str = ROWS_TABLE,
    sort_by: Callable[[str], None] | None = None,
) -> None:
    """Callback: open the row that was ticked in the table, whose rows have ``keys``.

    ``drawn_on`` is the tab that the table belongs to, see ``edited_by``.
    ``sort_by`` hears the name of a column whose heading was clicked, which selects it.
    """
    here = name, drawn_on
    if st.session_state.get("_part", here)[:2] != here:
        return
    key = table.format(name=name)
    picked, headings = _held(st.session_state[key])
    if echo.is_echo(key, (picked, headings)):
        forget_selection(name)  # unlike other widgets, a table is not set when it is drawn
        return
    if headings and sort_by is not None:
        # A heading is a button here: it does not stay pressed, and leaves the open row alone.
        forget_selection(name)
        sort_by(headings[0])
        return
    # A selection is a position, which the next fetch may change, so keep the key.
    edit(name, row=keys[picked[0]] if picked and picked[0] < len(keys) else None)


def sort_rows(dataset: Dataset, drawn: View, column: str) -> None:
    """Callback: sort all rows by a column, the other way round if they are sorted by it already.

    They are in the order of ``drawn``, which the click is about: a browser that tells it again,
    since it has not yet heard that it was heard, asks for the same. One that cannot be sorted by
    changes nothing.
    """
    if column not in {each.name for each in dataset.sortable}:
        return
    is_again = column == (drawn.sort or dataset.default_sort)
    descending = is_again and not drawn.descending
    edit(dataset.name, sort=column, descending=descending, then_by=())


def edited_by(
    name: str,
    key: str,
    field: str,
    convert: Callable[[Any], Any] = lambda value: value,
    *,
    options: Collection[object] | None = None,
) -> Callable[[], None]:
    """Return the callback of a widget that is drawn now and edits one field.

    ``options`` are those of a choice. A widget is ignored on another tab than the one that it was
    drawn on: a browser that received its drawing late sends its initial value then. If a click
    coincides with a change of language, the browser sends a choice as its option's text in the
    other language, which Streamlit takes for the value: a value that is no option changes nothing.
    """

    drawn_on = name, current(name).tab

    def edit_field() -> None:
        value = st.session_state.get(key)
        if field != "tab" and st.session_state.get("_part", drawn_on)[:2] != drawn_on:
            return
        if echo.is_echo(key, value):
            return
        chosen = value if isinstance(value, list) else [value]
        if options is None or all(one is None or one in options for one in chosen):
            edit(name, **{field: convert(value)})

    return edit_field


def show_in(key: str, value: Any) -> str:
    """Set a widget that is drawn next, and return its key.

    Only if its value differs, since a visitor may be typing in it, or if its tab has just been
    opened: a browser that has dropped the widget meanwhile would draw it empty.
    """
    state = st.session_state
    shown: set[str] = state.setdefault("_shown", set())
    if key not in shown or key not in state or state[key] != value:
        choose_in(key, value)
    shown.add(key)
    return key


def choose_in(key: str, value: Any) -> str:
    """Set a choice that is drawn next, and return its key. Always sets it: see ``ui.choice``."""
    state = st.session_state
    if key in state and state[key] != value:
        echo.note(key, state[key])
    state[key] = value
    return key
