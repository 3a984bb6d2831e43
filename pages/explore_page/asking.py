"""Have a query answered: never on the script's thread, and never for longer than allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import streamlit as st

from ecommerce_core.domain import EcommerceError
from pages.explore_page import question
from pages.ui import address, exploring, language
from pages.ui import text as _
from pages.ui.exploring import Exploration, FoundColumn

# For faster answers, no progress is shown.
QUICK_S = 0.7
STEP_S = 0.25

state = st.session_state
Asked = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as this session keeps it, until its next query."""

    columns: tuple[FoundColumn, ...]
    table: pa.Table
    is_cut: bool
    took_s: float
    at: datetime


def answer(sql: str) -> Answer:
    """Return the answer to a query, once it is there; meanwhile it can be cancelled.

    Raises the errors of the query, StoreError too.
    """
    asked: Asked = (sql, address.visit(), question.presses())
    kept = state.get("_explore_answer")
    if kept is None or kept[0] != asked:
        slot = st.empty()
        kept = asked, _find(asked, slot)
        state["_explore_answer"] = kept
        slot.empty()
    else:
        st.empty()  # a placeholder: the browser would rebuild elements that move by one
    found: Answer | EcommerceError = kept[1]
    if isinstance(found, EcommerceError):
        raise found
    return found


def _find(asked: Asked, slot: st.delta_generator.DeltaGenerator) -> Answer | EcommerceError:
    try:
        exploration = _started(asked)
        _wait(exploration, slot)
        found = exploration.result()
    except EcommerceError as error:
        return error
    table = found.table()
    return Answer(found.columns, table, found.is_cut, found.took_s, datetime.now(UTC))


def _started(asked: Asked) -> Exploration:
    """Return the running query, begun by this run of the script or by an earlier one."""
    running: tuple[Asked, Exploration] | None = state.get("_explore_running")
    if running is not None and running[0] == asked:
        return running[1]
    if running is not None:
        running[1].cancel()
    exploration = exploring.start(asked[0])
    state["_explore_running"] = asked, exploration
    return exploration


def _wait(exploration: Exploration, slot: st.delta_generator.DeltaGenerator) -> None:
    """Wait for the end. A click takes effect at each step: the script is run again then."""
    if exploration.wait(QUICK_S):
        return
    most_s = exploring.timeout_s()
    with slot.container(border=True):
        bar = st.empty()
        st.button(
            _("Cancel"),
            key="cancel_question",
            icon=":material/cancel:",
            on_click=exploration.cancel,
        )
    while True:
        text = _("Running for {time}, {most} at most").format(
            time=language().duration(int(exploration.elapsed_s)), most=language().duration(most_s)
        )
        bar.progress(min(1.0, exploration.elapsed_s / most_s), text)
        if exploration.wait(STEP_S):
            return
