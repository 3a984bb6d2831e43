"""A query in SQL: the text, the button that runs it, and examples."""

from __future__ import annotations

import streamlit as st

from pages.explore_page import examples, question
from pages.explore_page.question import Question
from pages.ui import exploring, language
from pages.ui import text as _

DRAFT = "explore_sql"

state = st.session_state


def show(asked: Question) -> None:
    """Show the form. Its text is run if the button or Ctrl+Enter in the text is pressed."""
    # The text of an example or an address is put into the box; a visitor's own text there stays.
    if state.get("_explore_drafted") != asked.sql or DRAFT not in state:
        state[DRAFT] = state["_explore_drafted"] = asked.sql
    st.html(f"<style>.st-key-{DRAFT} textarea {{ font-family: monospace; }}</style>")
    with st.form("explore_form", border=False):
        st.text_area(
            _("A SELECT statement"),
            key=DRAFT,
            height=170,
            max_chars=exploring.SQL_CHARS,
            placeholder=f"SELECT *\nFROM {next(iter(exploring.tables()))}\nLIMIT 20",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.form_submit_button(
                _("Run query"),
                key="run_sql",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_ask,
            )
            limits = _("Read-only, {time} at most.").format(
                time=language().duration(exploring.timeout_s())
            )
            st.caption(limits)


def _ask() -> None:
    sql = state.get(DRAFT) or ""
    state["_explore_drafted"] = sql
    question.ask(sql)


def show_examples() -> None:
    """Show a menu of examples."""
    popover = st.popover(
        _("Examples"), icon=":material/lightbulb:", key="explore_examples", on_change="rerun"
    )
    if not popover.open:
        return
    with popover, st.container(gap=None):
        for number, (heading, found) in enumerate(examples.list_examples().items()):
            st.caption(heading)
            for position, example in enumerate(found):
                st.button(
                    example.text,
                    key=f"example_{number}_{position}",
                    type="tertiary",
                    on_click=question.ask,
                    args=(example.sql,),
                )
