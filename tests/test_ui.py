"""How what a script draws gets to its session before another script of it begins."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Iterator

import pytest

from ecommerce_core import ui
from ecommerce_core.settings import PROJECT_ROOT


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A server's loop, running in a thread of its own."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    ui.serve_from(running)
    yield running
    ui.serve_from(None)
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    running.close()


def test_a_script_ends_when_the_server_has_taken_what_it_drew(
    loop: asyncio.AbstractEventLoop,
) -> None:
    goes_on = threading.Event()
    taken: list[str] = []
    loop.call_soon_threadsafe(goes_on.wait, 10)  # a server that is busy elsewhere
    loop.call_soon_threadsafe(taken.append, "the table")
    threading.Timer(0.2, goes_on.set).start()

    ui.hand_over()

    assert taken == ["the table"]


def test_a_script_waits_for_no_server_that_has_ended(loop: asyncio.AbstractEventLoop) -> None:
    ended = asyncio.new_event_loop()
    ended.close()
    ui.serve_from(ended)

    ui.hand_over()


def test_a_script_without_a_server_waits_for_none() -> None:
    ui.serve_from(None)

    ui.hand_over()


def test_every_part_of_a_page_that_is_drawn_alone_hands_over_what_it_drew() -> None:
    """Streamlit's own fragment does not: what it draws can be lost to a timer."""
    for page in sorted((PROJECT_ROOT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(page.read_text("utf-8"))):
            is_streamlits = isinstance(node, ast.Attribute) and ast.unparse(node) == "st.fragment"

            assert not is_streamlits, page.name
