"""How what a script draws gets to its browser before another script of the session begins."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from ecommerce_core import line
from ecommerce_core.line import Line

SESSION = "a session"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A server's loop, running in a thread of its own."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    running.close()


def waited_s(of: Line) -> float:
    began_s = time.monotonic()
    of.hand_over(SESSION)
    return time.monotonic() - began_s


def test_a_script_ends_when_the_server_has_taken_and_sent_what_it_drew(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue: list[str] = []
    sent: list[str] = []

    def flush() -> None:
        sent.extend(queue)
        queue.clear()

    goes_on = threading.Event()
    loop.call_soon_threadsafe(goes_on.wait, 10)  # a server that is busy elsewhere
    loop.call_soon_threadsafe(queue.append, "the table")
    loop.call_soon_threadsafe(loop.call_later, 0.1, flush)
    threading.Timer(0.1, goes_on.set).start()

    Line(loop, lambda session: session == SESSION and bool(queue)).hand_over(SESSION)

    assert sent == ["the table"]


def test_a_script_waits_only_so_long_for_a_server_that_stands_still(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TIMEOUT_S", 0.2)
    asked = []

    def waits(session: str) -> bool:
        asked.append(session)
        return True

    assert 0.2 <= waited_s(Line(loop, waits)) < 5
    time.sleep(0.1)
    before = len(asked)
    time.sleep(0.1)
    assert len(asked) == before  # nor does the server go on looking


def test_what_cannot_be_seen_is_told_once_and_holds_nobody_up(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    def waits(session: str) -> bool:
        raise AttributeError(session)

    blind = Line(loop, waits)
    for _ in range(2):
        assert waited_s(blind) < line.TIMEOUT_S

    assert [record.message for record in caplog.records] == [
        "cannot see what waits to be sent: clicks may be lost"
    ]


def test_a_server_that_ends_lets_the_scripts_go_without_a_word(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    def end() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()

    threading.Timer(0.1, loop.call_soon_threadsafe, [end]).start()

    assert waited_s(Line(loop, lambda _: True)) < line.TIMEOUT_S
    assert not caplog.records


def test_a_script_waits_for_no_server_that_has_ended() -> None:
    ended = asyncio.new_event_loop()
    ended.close()

    assert waited_s(Line(ended, lambda _: True)) < line.TIMEOUT_S
