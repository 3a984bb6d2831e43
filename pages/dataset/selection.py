"""The selection in a table of a dataset's page: the open row, ticked rows, a clicked heading.

A selection is a position, which the next fetch may change, so it becomes the keys of rows at once.
A click on a heading, and any other rows than those that are selected, make a new table under
another key: a browser that has not received it yet can only tell about the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.ui import address, session

ROWS_TABLE, CHANGES_TABLE = "{name}_table", "{name}_differences"
_TABLES = (ROWS_TABLE, CHANGES_TABLE)
# Rows, headings and cells, as Streamlit has them.
_Held = tuple[list[int], list[str], list[tuple[int, str]]]
_NOTHING: _Held = ([], [], [])
# Older tables than these, no browser tells about any more.
_TABLES_REMEMBERED = 5


def table_key(name: str, table: str = ROWS_TABLE) -> str:
    """Return the key of the present table; the first one of a session is called ``table``."""
    number = st.session_state.get(_number_of(name, table), 0)
    return table.format(name=name) + (f"_{number}" if number else "")


def ticked(name: str) -> tuple[str, ...]:
    """Return the keys of the rows that are ticked."""
    keys: tuple[str, ...] = st.session_state.get(f"_{name}_ticked", ())
    return keys


def forget(name: str) -> None:
    """Select nothing. For callbacks, and before the table is drawn."""
    st.session_state.pop(f"_{name}_ticked", None)
    for table in _TABLES:
        key = table_key(name, table)
        if _held(key) == _NOTHING:
            continue
        if session.is_agent():
            # A program waits for each answer, and finds the table by its key.
            _hold(key, _NOTHING)
            _headings().pop(key, None)
        else:
            number = _number_of(name, table)
            st.session_state[number] = st.session_state.get(number, 0) + 1


def hear(
    name: str,
    key: str,
    keys: Sequence[str],
    *,
    drawn_on: str,
    open_row: Callable[[str | None], None],
    sort_by: Callable[[str, bool], None] | None = None,
) -> None:
    """Callback of the table with ``key``, whose rows have ``keys``.

    ``drawn_on`` is its tab: one of another tab is ignored, see ``view_state.edited_by``.
    ``open_row`` gets the key of the row with the clicked cell, or None if there is none any more.
    ``sort_by`` gets the name of a clicked heading, and whether it was clicked before on this table.
    """
    here = name, drawn_on
    rows, columns, cells = held = _held(key)
    if st.session_state.get("_part", here)[:2] != here or not address.accept(key, held):
        return
    before, now = _headings().get(key), columns[0] if columns else None
    if sort_by is not None and now != before:
        headings = _headings()
        headings[key] = now
        for old in list(headings)[:-_TABLES_REMEMBERED]:
            del headings[old]
        # A second click takes the selection away.
        sort_by(now or before or "", now is None)
        forget(name)  # a heading is a button here: it does not stay pressed
        return
    if key not in {table_key(name, table) for table in _TABLES}:
        return
    st.session_state[f"_{name}_ticked"] = tuple(keys[at] for at in rows if at < len(keys))
    at = cells[0][0] if cells else len(keys)
    open_row(keys[at] if at < len(keys) else None)


def show(
    name: str,
    keys: Sequence[str],
    columns: Sequence[str],
    *,
    opened: str | None,
    table: str = ROWS_TABLE,
) -> str:
    """Set the selection of the table that is drawn next, and return the table's key."""
    key, chosen = table_key(name, table), set(ticked(name))
    rows, headings, cells = held = _held(key)
    wanted_rows = [at for at, one in enumerate(keys) if one in chosen]
    wanted_cells = _cell(keys, columns, opened, cells)
    if (sorted(rows), cells) != (wanted_rows, wanted_cells):
        address.note_replaced(key, held)
        _hold(key, (wanted_rows, headings, wanted_cells))
    return key


def _cell(
    keys: Sequence[str],
    columns: Sequence[str],
    opened: str | None,
    cells: list[tuple[int, str]],
) -> list[tuple[int, str]]:
    """Return a cell of the open row: the selected one if it is of that row."""
    if opened is None or opened not in keys:
        return []
    at, column = cells[0] if cells else (len(keys), "")
    if at >= len(keys) or keys[at] != opened:  # several changes may be of the same row
        at = keys.index(opened)
    return [(at, column if column in columns else columns[0])]


def _number_of(name: str, table: str) -> str:
    return f"_{table.format(name=name)}_number"


def _headings() -> dict[str, str | None]:
    headings: dict[str, str | None] = st.session_state.setdefault("_headings_clicked", {})
    return headings


def _held(key: str) -> _Held:
    table: Any = st.session_state.get(key)
    if table is None:
        return _NOTHING
    selection = table["selection"]
    cells = [(at, column) for at, column in selection.get("cells", ())]
    return list(selection["rows"]), list(selection.get("columns", ())), cells


def _hold(key: str, held: _Held) -> None:
    rows, columns, cells = held
    selection = {"rows": list(rows), "columns": list(columns), "cells": list(cells)}
    st.session_state[key] = {"selection": selection}
