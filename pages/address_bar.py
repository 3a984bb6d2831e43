"""The address in the browser, in step with the view of a dataset's page.

It follows what is edited. An address that nobody here wrote (a shared link, the back button)
becomes the view.
"""

from __future__ import annotations

import time

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.ui import escape, language
from pages import frame, view_state
from pages.address import format_address, parse_address
from pages.view import Shape, View

# The frame of all pages reads and writes this one.
FRAME = ("language",)
# Longer than an address takes to the browser, shorter than a person to press its back button.
ECHO_S = 0.3


def _(message: str) -> str:
    return language().text(message)


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


def follow(shape: Shape) -> None:
    """Let the address follow a run of the rows alone, once they are drawn; see ``arrive``."""
    name, state = shape.name, st.session_state
    if state.get(f"_{name}_edited"):
        # A browser takes as long for a new address as for a few elements.
        ui.hand_over()
        _write(format_address(view_state.current(name), shape))
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
        address = format_address(view_state.current(name), shape)
        if said != {key: v if isinstance(v, list) else [v] for key, v in address.items()}:
            _write(address)
    elif came or said != state.get("_address_seen"):
        view, ignored = parse_address(said, shape)
        state[f"_{name}_view"], state[f"_{name}_ignored"] = view, ignored
        view_state.forget_selection(name)
    state["_address_seen"] = _said()
    state[f"_{name}_edited"] = False
    if left_out := state.get(f"_{name}_ignored"):
        text = _("Ignored in the address: {what}.").format(what=escape(", ".join(left_out)))
        st.caption(f":material/link_off: {text}")
    return view_state.current(name)
