"""What this session looks at on a dataset's page.

The view is the truth: a widget is set from it before it is drawn and changes it
in its callback; ``address_bar`` keeps the address in step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.view import View

# What may change without the page of rows beginning again.
_SAME_ROWS = {"page", "row"}
_BARE = View()


def current(name: str) -> View:
    """The view of a dataset's page as it stands."""
    view: View = st.session_state.get(f"_{name}_view", View())
    return view


def edit(name: str, **changes: Any) -> None:
    """Callback: change the view. Other rows are shown from their first page, none selected."""
    state = st.session_state
    # A choice that must be one says None where its click meets a change of pages.
    changes = {
        field: value
        for field, value in changes.items()
        if value is not None or getattr(_BARE, field) is None
    }
    if not set(changes) <= _SAME_ROWS:
        changes = {"page": 1, **changes}
    changed = replace(current(name), **changes)
    if changed == current(name):
        return  # a table that is told to select nothing says so, for one
    if set(changes) != {"row"}:
        forget_selection(name)
    state[f"_{name}_view"] = changed
    state[f"_{name}_edited"] = True
    state.pop(f"_{name}_ignored", None)


def forget_selection(name: str) -> None:
    """Callback: nothing is selected in the table any more; a selection is a position."""
    table = st.session_state.get(f"{name}_table")
    if table is not None and table["selection"]["rows"]:
        st.session_state[f"{name}_table"] = {"selection": {"rows": [], "columns": []}}


def edited_by(
    name: str,
    key: str,
    field: str,
    convert: Callable[[Any], Any] = lambda value: value,
    *,
    options: Collection[object] | None = None,
) -> Callable[[], None]:
    """The callback of a widget that edits one field; ``options`` are those of a choice.

    A click that meets a change of language tells a choice by the text of its option in the
    other one, which Streamlit takes for the value: what is no option changes nothing.
    """

    def edit_field() -> None:
        value = st.session_state.get(key)
        chosen = value if isinstance(value, list) else [value]
        if options is None or all(one is None or one in options for one in chosen):
            edit(name, **{field: convert(value)})

    return edit_field


def show_in(key: str, value: Any) -> str:
    """Set a widget that is drawn next; the key. Only where it differs: somebody may be typing."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def choose_in(key: str, value: Any) -> str:
    """Set a choice that is drawn next; the key. Always: see ``ui.choice``."""
    st.session_state[key] = value
    return key


def has_just_come(name: str) -> bool:
    """Whether the rows are drawn for the first time since this session came to the page."""
    came: bool = st.session_state.pop(f"_{name}_came", False)
    return came


def is_frame_old(name: str) -> bool:
    """Whether more of the page than its rows has to be drawn again for what was edited."""
    drawn = st.session_state.get(f"_{name}_framed")
    return drawn is not None and drawn != _framed(name)


def note_frame(name: str) -> None:
    """Remember what the frame around the rows was drawn for."""
    st.session_state[f"_{name}_framed"] = _framed(name)


def is_question_old(name: str) -> bool:
    """Whether the controls above the rows have to be drawn again for what was edited below them."""
    return st.session_state.get(f"_{name}_questioned") != _question(name)


def note_question(name: str) -> None:
    """Remember what the controls above the rows were drawn for."""
    st.session_state[f"_{name}_questioned"] = _question(name)


def _question(name: str) -> View:
    return replace(current(name), page=_BARE.page, size=_BARE.size, row=None, layout="")


def _framed(name: str) -> tuple[object, ...]:
    view, state = current(name), st.session_state
    # The menu of exports stays open for who types on by the keyboard: it is of these rows, too.
    exported = replace(view, page=1) if state.get(f"export_{name}") else None
    return view.tab, view.row, bool(state.get(f"_{name}_ignored")), exported
