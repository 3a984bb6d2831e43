"""Parts of a page that are drawn alone, and what they hand over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core import ui
from ecommerce_core.application import Application
from ecommerce_core.installed import install
from ecommerce_core.line import Line
from ecommerce_core.settings import PROJECT_ROOT


class Handed(Line):
    """A line that counts what is handed over, and needs no server."""

    def __init__(self) -> None:
        self.times = 0

    def hand_over(self, session_id: str) -> None:
        assert session_id
        self.times += 1


@pytest.fixture
def handed() -> Iterator[Handed]:
    line = Handed()
    ui.serve_by(line)
    yield line
    ui.serve_by(None)


@pytest.fixture(autouse=True)
def shop(application: Application) -> Iterator[Application]:
    install(application)
    yield application
    install(None)


def a_page_in_parts() -> None:
    import streamlit as st

    from ecommerce_core import ui

    def part(text: str) -> None:
        st.text(text)

    if st.session_state.get("as_a_whole"):
        with ui.whole_page():
            ui.fragment()(part)("one")
            ui.fragment()(part)("two")
    else:
        ui.fragment()(part)("one")


@pytest.mark.parametrize("as_a_whole", [True, False])
def test_a_page_hands_over_once_and_a_part_that_is_drawn_alone_does(
    handed: Handed, as_a_whole: bool
) -> None:
    page = AppTest.from_function(a_page_in_parts, default_timeout=20)
    page.session_state["as_a_whole"] = as_a_whole
    page.run()

    assert not page.exception
    assert [text.value for text in page.text] == (["one", "two"] if as_a_whole else ["one"])
    assert handed.times == 1


def a_page_whose_parts_follow_each_other() -> None:
    import streamlit as st

    from ecommerce_core import ui

    def rows() -> None:
        ui.fragment()(page_of_rows)()

    def page_of_rows() -> None:
        st.text("rows")

    def clock() -> None:
        st.session_state["clocks"] = st.session_state.get("clocks", 0) + 1
        st.text("clock")

    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    order = st.session_state["order"]
    parts = {
        "rows": ui.fragment()(rows),
        "clock": ui.fragment(run_every_s=2.0)(clock),
        "dialog": ui.dialog("A question")(rows),
    }
    if runs == 1:  # two scripts, one right behind the other, each for one part
        for name in order:
            parts[name]()
    else:
        with ui.whole_page():
            parts["rows"]()
            parts["clock"]()
    st.text(f"{runs} runs")


@pytest.mark.parametrize(
    ("order", "runs"),
    [
        (["rows", "clock"], 2),  # what the rows no longer show would stay
        (["dialog", "clock"], 2),
        (["clock", "rows"], 1),  # the clock takes away its own the next time
        (["rows", "rows"], 1),
    ],
)
def test_the_whole_page_is_drawn_where_the_end_of_a_part_may_not_be_told(
    order: list[str], runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui, "TOLD_AFTER_S", 60.0)
    page = AppTest.from_function(a_page_whose_parts_follow_each_other, default_timeout=20)
    page.session_state["order"] = order
    page.run()

    assert not page.exception
    assert page.text[-1].value == f"{runs} runs"


def test_a_part_is_drawn_before_the_whole_page_is_so_that_its_buttons_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ui, "TOLD_AFTER_S", 60.0)
    page = AppTest.from_function(a_page_whose_parts_follow_each_other, default_timeout=20)
    page.session_state["order"] = ["rows", "clock"]
    page.run()

    assert page.session_state["runs"] == 2
    assert page.session_state["clocks"] == 2


def test_parts_that_one_script_draws_have_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "TOLD_AFTER_S", 60.0)
    parts = ["rows", "clock"]
    monkeypatch.setattr(ui, "_parts_of_script", lambda: parts)
    page = AppTest.from_function(a_page_whose_parts_follow_each_other, default_timeout=20)
    page.session_state["order"] = parts
    page.run()

    assert page.session_state["runs"] == 1


def a_page_that_ends_early() -> None:
    import streamlit as st

    from ecommerce_core import ui

    with ui.whole_page():
        st.text("what there was")
        st.stop()


def test_a_page_that_ends_early_hands_over_what_there_was(handed: Handed) -> None:
    page = AppTest.from_function(a_page_that_ends_early, default_timeout=20).run()

    assert [text.value for text in page.text] == ["what there was"]
    assert handed.times == 1


def test_every_part_of_a_page_that_is_drawn_alone_hands_over_what_it_drew() -> None:
    """Streamlit's own fragment and dialog do not: what they draw can be lost to a timer."""
    for page in sorted((PROJECT_ROOT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(page.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in {"st.fragment", "st.dialog"}, page.name
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamlit"):
                names = {alias.name for alias in node.names}
                assert names.isdisjoint({"fragment", "dialog"}), page.name
