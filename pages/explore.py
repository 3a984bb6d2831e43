"""Questions over rows and journal: grouped without SQL, or in SQL; as table, chart and file."""

import streamlit as st

from ecommerce_core.domain import EcommerceError
from pages import ui
from pages.dataset.view_state import choose_in
from pages.explore_page import asking, group_form, question, result, schema, sql_form
from pages.ui import header, language


def _(message: str) -> str:
    return language().text(message)


def choose_mode(is_sql: bool) -> None:
    labels = {
        False: f":material/category: {_('Group')}",
        True: f":material/code: {_('SQL')}",
    }

    def changed() -> None:
        chosen = st.session_state.get("explore_mode")
        before = question.current()
        if chosen is True and not before.is_sql:
            question.edit(is_sql=True, sql=before.asked)
        elif chosen is False and before.is_sql:
            question.edit(is_sql=False, table=before.table or question.usual().table)

    st.radio(
        _("Way of asking"),
        list(labels),
        key=choose_in("explore_mode", is_sql),
        horizontal=True,
        format_func=labels.__getitem__,
        label_visibility="collapsed",
        width="content",
        on_change=changed,
    )


header.show(_("Explore"))
asked = question.arrive()
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    choose_mode(asked.is_sql)
    st.space("stretch")
    sql_form.show_examples()
main, beside = st.columns([3, 1], gap="large")
with main:
    if asked.is_sql:
        sql_form.show(asked)
    else:
        group_form.show(asked)
    if asked.asked:
        try:
            answer = asking.answer(asked.asked)
        except EcommerceError as error:
            result.show_error(error)
        else:
            headings = (
                [column.name for column in answer.columns]
                if asked.is_sql
                else group_form.headings(asked)
            )
            result.show(asked, answer, headings)
    else:
        st.caption(ui.escape(_("Write a question, or begin with an example.")))
with beside:
    schema.show()
