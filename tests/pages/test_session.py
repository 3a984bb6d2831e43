"""The parts of Streamlit that pages may use, and the parts that are drawn alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core.application import Application
from ecommerce_core.domain import Access
from ecommerce_core.settings import PROJECT_ROOT
from pages.ui.current_application import install


@pytest.fixture(autouse=True)
def shop(application: Application) -> Iterator[Application]:
    install(application)
    yield application
    install(None)


def a_page_with_a_dialog_that_outlives_the_sign_in() -> None:
    import streamlit as st

    from pages.ui import session

    def answer() -> None:
        st.text("an answer")

    if session.visitor() is None:
        st.text("sign in")
    else:
        session.application().access = st.session_state["ended"]
        session.dialog("A question")(answer)()


def test_what_is_drawn_alone_after_the_sign_in_has_ended_is_the_page_that_asks_for_one() -> None:
    page = AppTest.from_function(a_page_with_a_dialog_that_outlives_the_sign_in)
    page.session_state["ended"] = Access(providers=("default",))
    page.run()

    assert not page.exception
    assert [text.value for text in page.text] == ["sign in"]


def test_no_part_of_a_page_is_drawn_by_a_timer_or_behind_the_sign_ins_back() -> None:
    pages = PROJECT_ROOT / "pages"
    for page in sorted({*pages.rglob("*.py")} - {pages / "ui" / "session.py"}):
        for node in ast.walk(ast.parse(page.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in {"st.fragment", "st.dialog"}, page.name
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamlit"):
                names = {alias.name for alias in node.names}
                assert names.isdisjoint({"fragment", "dialog"}), page.name
