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
from pages.dataset import selection
from pages.ui import address

# Fields that may change without going back to the first page of rows.
_SAME_ROWS = {"page", "row"}
_BARE = View()


def current(name: str) -> View:
    """Return the present view of a dataset's page."""
    view: View = st.session_state.get(f"_{name}_view", View())
    return view


def begin(name: str) -> View:
    """Return the view that is drawn now. From here on, the widgets of its tab are accepted."""
    state, view = st.session_state, current(name)
    part = name, view.tab, address.visit()
    if state.get("_part") != part:
        state["_part"], state["_shown"] = part, set()
    state["_set_now"] = set()
    return view


def finish() -> None:
    """Note that the page was drawn to its end, so that all that was set is on its way."""
    state = st.session_state
    state["_shown"] = state.get("_shown", set()) | state.get("_set_now", set())


def edit(name: str, **changes: Any) -> None:
    """Callback: change the view. Any other rows are shown from their first page, none selected."""
    state = st.session_state
    before = current(name)
    # A required choice returns None if its click coincides with a change of pages; and what is so
    # already, which a table or a late browser may tell, leaves the page that is shown.
    changes = {
        field: value
        for field, value in changes.items()
        if (value is not None or getattr(_BARE, field) is None) and value != getattr(before, field)
    }
    if not changes:
        return
    if not set(changes) <= _SAME_ROWS:
        changes = {"page": 1, **changes}
    changed = replace(before, **changes)
    if set(changes) != {"row"}:
        selection.forget(name)
    state[f"_{name}_view"] = changed
    state[f"_{name}_edited"] = True
    state.pop(f"_{name}_ignored", None)


def replace_view(name: str, view: View, ignored: Sequence[str]) -> None:
    """Callback: show another view; ``ignored`` are the parts of its address that were invalid."""
    state = st.session_state
    selection.forget(name)
    state[f"_{name}_view"], state[f"_{name}_ignored"] = view, list(ignored)
    state[f"_{name}_edited"] = True


def open_row(name: str, keys: Sequence[str], row: str | None) -> None:
    """Callback: open a row of a table whose rows have ``keys``, or close the open one of them."""
    if row is not None or current(name).row in keys:
        edit(name, row=row)


def sort_rows(dataset: Dataset, drawn: View, column: str, again: bool) -> None:
    """Callback: sort all rows by a column, the other way round if they are sorted by it already.

    ``drawn`` is the view of the table with the heading, ``again`` says that it is clicked there for
    the second time. A column that cannot be sorted by changes nothing.
    """
    if column not in {each.name for each in dataset.sortable}:
        return
    if again:
        drawn = current(dataset.name)
    is_sorted = column == (drawn.sort or dataset.default_sort)
    descending = is_sorted and not drawn.descending
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
        if not address.accept(key, value):
            return
        st.session_state.setdefault("_shown", set()).add(key)
        chosen = value if isinstance(value, list) else [value]
        if options is None or all(one is None or one in options for one in chosen):
            edit(name, **{field: convert(value)})

    return edit_field


def show_in(key: str, value: Any) -> str:
    """Set a widget that is drawn next, and return its key.

    Only if its value differs, since a visitor may be typing in it, or if its tab has just been
    opened: a browser that has dropped the widget meanwhile would draw it empty. What was set in a
    run that a click interrupted may not have been sent, so it is set until the browser tells a
    value, or a run ends.
    """
    state = st.session_state
    if key not in state.get("_shown", ()) or key not in state or state[key] != value:
        choose_in(key, value)
        state.setdefault("_shown", set()).discard(key)
        state.setdefault("_set_now", set()).add(key)
    return key


def choose_in(key: str, value: Any) -> str:
    """Set a choice that is drawn next, and return its key. Always sets it: see ``ui.choice``."""
    state = st.session_state
    if key in state and state[key] != value:
        address.note_replaced(key, state[key])
    state[key] = value
    return key
