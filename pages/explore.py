"""Queries over rows and journal: grouped without SQL, or in SQL; as table, chart and file."""

import streamlit as st

from ecommerce_core.domain import EcommerceError
from pages.dataset.view_state import choose_in
from pages.explore_page import asking, group_form, question, result, schema, sql_form
from pages.ui import header, segments
from pages.ui import text as _


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

    key = choose_in("explore_mode", is_sql)
    segments.show(_("Way of asking"), labels, key=key, on_change=changed)


def show_answer(asked: question.Question) -> None:
    if not asked.asked:
        st.caption(_("Write a query, or begin with an example."))
        return
    try:
        answer = asking.answer(asked.asked)
    except EcommerceError as error:
        result.show_error(error)
        return
    if asked.is_sql:
        headings = [column.name for column in answer.columns]
    else:
        headings = group_form.headings(asked)
    result.show(asked, answer, headings)


def choose() -> None:
    """Show the way of asking, and the examples."""
    choose_mode(asked.is_sql)
    st.space("stretch")
    sql_form.show_examples()


asked = question.arrive()
header.show(_("Explore"), beside=choose)
question.show_ignored()
if asked.is_sql:
    main, beside = st.columns([3, 1], gap="large")
    # The side column must not wait for the answer.
    with beside:
        schema.show()
    with main:
        sql_form.show(asked)
        show_answer(asked)
else:
    group_form.show(asked)
    with st.container():
        show_answer(asked)
    with st.expander(_("The same in SQL"), key="explore_as_sql"):
        st.code(asked.asked, language="sql")
