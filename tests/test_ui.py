"""How what a script draws gets to its session before another script of it begins."""

from __future__ import annotations

import ast
import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from ecommerce_core import ui
from ecommerce_core.settings import PROJECT_ROOT


class Loop(asyncio.SelectorEventLoop):
    """A server's loop that counts what is handed to it by other threads."""

    handed = 0

    def _write_to_self(self) -> None:
        # Called for each call_soon_threadsafe, whose own signature is the loop's business.
        self.handed += 1
        super()._write_to_self()  # type: ignore[misc]


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A server's loop, running in a thread of its own."""
    running = Loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    ui.serve_from(running)
    yield running
    ui.serve_from(None)
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    running.close()


def test_a_script_ends_when_the_server_has_taken_what_it_drew(
    loop: Loop,
) -> None:
    goes_on = threading.Event()
    taken: list[str] = []
    loop.call_soon_threadsafe(goes_on.wait, 10)  # a server that is busy elsewhere
    loop.call_soon_threadsafe(taken.append, "the table")
    threading.Timer(0.2, goes_on.set).start()

    ui.hand_over()

    assert taken == ["the table"]


def waited_s() -> float:
    began_s = time.monotonic()
    ui.hand_over()
    return time.monotonic() - began_s


def test_a_script_waits_for_no_server_that_has_ended(loop: Loop) -> None:
    ended = asyncio.new_event_loop()
    ended.close()
    ui.serve_from(ended)

    assert waited_s() < ui.TAKEN_TIMEOUT_S


def test_a_script_without_a_server_waits_for_none() -> None:
    ui.serve_from(None)

    assert waited_s() < ui.TAKEN_TIMEOUT_S


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
    loop: Loop, as_a_whole: bool
) -> None:
    page = AppTest.from_function(a_page_in_parts, default_timeout=20)
    page.session_state["as_a_whole"] = as_a_whole
    page.run()

    assert not page.exception
    assert [text.value for text in page.text] == (["one", "two"] if as_a_whole else ["one"])
    assert loop.handed == 1


def a_page_whose_parts_follow_each_other() -> None:
    import streamlit as st

    from ecommerce_core import ui

    def rows() -> None:
        ui.fragment()(page_of_rows)()

    def page_of_rows() -> None:
        st.text("rows")

    def clock() -> None:
        st.text("clock")

    runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    order = st.session_state["order"]
    parts = {"rows": ui.fragment()(rows), "clock": ui.fragment(run_every_s=2.0)(clock)}
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


def a_page_that_ends_early() -> None:
    import streamlit as st

    from ecommerce_core import ui

    with ui.whole_page():
        st.text("what there was")
        st.stop()


def test_a_page_that_ends_early_hands_over_what_there_was(loop: Loop) -> None:
    page = AppTest.from_function(a_page_that_ends_early, default_timeout=20).run()

    assert [text.value for text in page.text] == ["what there was"]
    assert loop.handed == 1


def test_every_part_of_a_page_that_is_drawn_alone_hands_over_what_it_drew() -> None:
    """Streamlit's own fragment does not: what it draws can be lost to a timer."""
    for page in sorted((PROJECT_ROOT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(page.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) != "st.fragment", page.name
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "streamlit" or "fragment" not in {
                    alias.name for alias in node.names
                }, page.name
