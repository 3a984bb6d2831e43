"""What this session looks at on a dataset's page, kept in step with the address.

The view is the truth: a widget is set from it before it is drawn and changes it
in its callback, and the address follows. An address that nobody here wrote (a
shared link, the back button) becomes the view.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.ui import escape, language
from pages import frame
from pages.address import format_address, parse_address
from pages.view import Shape, View

# The frame of all pages reads and writes this one.
FRAME = ("language",)
# Longer than an address takes to the browser, shorter than a person to press its back button.
ECHO_S = 0.3
# What may change without the page of rows beginning again.
_SAME_ROWS = {"page", "row"}
_BARE = View()


def _(message: str) -> str:
    return language().text(message)


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


def _said() -> dict[str, list[str]]:
    names = [name for name in st.query_params if name not in FRAME]
    return {name: st.query_params.get_all(name) for name in names}


def _write(address: dict[str, str | list[str]]) -> None:
    st.session_state["_address_before"] = _said(), time.monotonic()
    # One write is one step back for the browser's button.
    frame = {name: st.query_params[name] for name in FRAME if name in st.query_params}
    st.query_params.from_dict({**address, **frame})


def _is_echo(said: dict[str, list[str]]) -> bool:
    """Whether a browser may say this that has not yet heard of the address we wrote last.

    A click tells the address as it is in the browser: just then it is still the one before. It
    is, too, for who goes a step back, but nobody does that so soon.
    """
    before, written_at = st.session_state.get("_address_before", (None, 0.0))
    is_soon: bool = time.monotonic() - written_at < ECHO_S
    return is_soon and said == before


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


def follow(shape: Shape) -> None:
    """Let the address follow a run of the rows alone, once they are drawn; see ``arrive``."""
    name, state = shape.name, st.session_state
    if state.get(f"_{name}_edited"):
        # A browser takes as long for a new address as for a few elements.
        ui.hand_over()
        _write(format_address(current(name), shape))
        state["_address_seen"] = _said()
        # Last: a click elsewhere can end this run at any step, and the next one then writes it.
        state[f"_{name}_edited"] = False


def arrive(shape: Shape) -> View:
    """The view for this run of the page; a note says what of the address makes no sense."""
    name, state = shape.name, st.session_state
    said = _said()
    came = state.get("_dataset_shown") != name
    state["_dataset_shown"] = name
    if came:
        state[f"_{name}_came"] = True
    restored = came and not said and f"_{name}_view" in state
    # What was edited as one left the page does not stand against a link that leads back to it.
    edited = state.get(f"_{name}_edited") and not (said and frame.has_arrived())
    if edited or restored or (not came and _is_echo(said)):
        address = format_address(current(name), shape)
        if said != {key: v if isinstance(v, list) else [v] for key, v in address.items()}:
            _write(address)
    elif came or said != state.get("_address_seen"):
        view, ignored = parse_address(said, shape)
        state[f"_{name}_view"], state[f"_{name}_ignored"] = view, ignored
        forget_selection(name)
    state["_address_seen"] = _said()
    state[f"_{name}_edited"] = False
    if left_out := state.get(f"_{name}_ignored"):
        text = _("Ignored in the address: {what}.").format(what=escape(", ".join(left_out)))
        st.caption(f":material/link_off: {text}")
    return current(name)
