"""The visit of a page and its address in the browser, which is written once, after each run.

One write is one step in the browser's history. With every click a browser sends its address and the
values of all widgets. If it sends another address than we wrote, it has not received our last
update yet. The values that it sends for the widgets that this update set are old, and no input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import session

# The language's name in the address of every page.
LANGUAGE = "language"

state = st.session_state


def arrive(page: str) -> None:
    """Record which page is drawn, by its path; before it is drawn."""
    if state.get("_page") != page:
        state["_page"], state["_visit"] = page, visit() + 1
        state["_address_written"] = {}


def page() -> str:
    """Return the path of the page that is drawn."""
    path: str = state.get("_page", "")
    return path


def visit() -> int:
    """Return the number of this visit of a page; it increases whenever the page changes."""
    number: int = state.get("_visit", 0)
    return number


def asked() -> dict[str, list[str]]:
    """Return the address that the browser sent, without the language."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name != LANGUAGE}


def language_kept() -> dict[str, str]:
    """Return the language for a link to another page, if it is not the browser's."""
    kept = state.get("_language_in_url")
    return {} if kept is None else {LANGUAGE: kept}


def change(parameters: Mapping[str, str | list[str] | None]) -> None:
    """Set these parameters of the address once the page is drawn, or remove them (None)."""
    lists = {n: [v] if isinstance(v, str) else v for n, v in parameters.items()}
    state.setdefault("_address_planned", {}).update(lists)


def replace(parameters: Mapping[str, str | list[str]]) -> dict[str, list[str]]:
    """Make these the only parameters of the address, but for the language; return them as lists."""
    change({**{name: None for name in asked() if name not in parameters}, **parameters})
    return {n: [v] if isinstance(v, str) else v for n, v in parameters.items()}


def write() -> None:
    """Write the address that this run planned. The last thing that a run does."""
    if not _is_behind():
        state["_values_replaced"] = {}
    planned: dict[str, list[str] | None] = state.pop("_address_planned", {})
    for key, values in state.pop("_values_replaced_now", {}).items():
        state["_values_replaced"].setdefault(key, []).extend(values)
    before = {name: st.query_params.get_all(name) for name in st.query_params}
    kept = {name: value for name, value in before.items() if name not in planned}
    wanted = {name: value for name, value in {**kept, **planned}.items() if value is not None}
    if LANGUAGE in wanted:
        wanted[LANGUAGE] = wanted.pop(LANGUAGE)  # behind what is asked
    if wanted != before:
        st.query_params.from_dict(wanted)
    known = {**state.get("_address_written", {}), **planned}
    state["_address_written"] = {name: wanted.get(name, []) for name in known}


def may_tell() -> bool:
    """Return whether an address other than the one that we wrote last was entered on purpose.

    A link opens a new session or another page. On the same page only the browser's back and forward
    buttons change the address on purpose, and programs, which wait for each answer: otherwise the
    browser has not yet replaced the old address, however slow it is.
    """
    return session.is_history_navigation() or session.is_agent()


def note_replaced(key: str, *values: Any) -> None:
    """Remember the values of a widget from before this run sets it to something else.

    Both the value that the browser sent and the one that we had set before, which it may still
    send.
    """
    state.setdefault("_values_replaced_now", {}).setdefault(key, []).extend(values)


def accept(key: str, value: Any) -> bool:
    """Accept what a callback brings unless it is an old value; return whether it was accepted.

    Whatever the browser tells after it was chosen later, even a value from before, such as a page
    that somebody turns to again.
    """
    if is_old_value(key, value):
        return False
    for replaced in ("_values_replaced", "_values_replaced_now"):
        state.get(replaced, {}).pop(key, None)
    return True


def is_old_value(key: str, value: Any) -> bool:
    """Return whether a widget's value was sent by a browser that has not received its new one.

    Never for a program, which waits for each answer.
    """
    if session.is_agent():
        return False
    # A run that was interrupted has replaced the value, and nothing of it may have been sent.
    if value in state.get("_values_replaced_now", {}).get(key, []):
        return True
    return _is_behind() and value in state.get("_values_replaced", {}).get(key, [])


def _is_behind() -> bool:
    if may_tell():
        return False
    written: dict[str, list[str]] = state.get("_address_written", {})
    return any(st.query_params.get_all(name) != value for name, value in written.items())
