"""A page's timers at the worst moment: what a browser would send by itself, sent by the test."""

from __future__ import annotations

import re
from collections.abc import Callable

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.visitor import Page, Visitor, WebSocketRoute
from tests.waiting import until


def wait_for(visitor: Visitor, condition: Callable[[], bool]) -> None:
    """Until something holds that comes by the visitor's line; it is heard while the page waits."""

    def is_so() -> bool:
        visitor.page.wait_for_timeout(10)
        return condition()

    until(is_so)


class TimerBehindAClick:
    """Sends what a timer of the page would send right behind a click, once it is armed.

    That is before the browser has heard what the click has come to: its answer waits.
    ``heard`` is what the server said after that, ``ended`` how many scripts of it ended.
    """

    def __init__(self, page: Page) -> None:
        self.heard = b""
        self.ended = 0
        self.timer, self._click = BackMsg(), BackMsg()
        self._answer: bytes | None = None
        self._is_sent = False
        self._held: list[bytes] = []
        page.route_web_socket(re.compile("_stcore/stream"), self._carry)

    def arm(self, answer: str) -> None:
        """For the next click; ``answer`` is a text that comes of it."""
        self._answer = answer.encode()

    def _carry(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def to_server(frame: bytes | str) -> None:
            message = BackMsg.FromString(frame) if isinstance(frame, bytes) else BackMsg()
            if message.rerun_script.is_auto_rerun:
                self.timer = message
            elif message.HasField("rerun_script"):
                self._click = message
            server.send(frame)

        def to_browser(frame: bytes | str) -> None:
            assert isinstance(frame, bytes)
            is_end = ForwardMsg.FromString(frame).HasField("script_finished")
            if self._is_sent:
                self.heard += frame
                self.ended += is_end
            self._held.append(frame)
            if self._answer and is_end and any(self._answer in one for one in self._held):
                self._answer, self._is_sent = None, True
                states = self._click.rerun_script.widget_states
                self.timer.rerun_script.widget_states.CopyFrom(states)
                server.send(self.timer.SerializeToString())
            if self._answer is None:
                for one in self._held:
                    browser.send(one)
                self._held.clear()

        browser.on_message(to_server)
        server.on_message(to_browser)


class TimersAtAClick:
    """Has each timer of the page ask for its part while the script of the next click runs.

    ``begun`` counts the scripts that began since. The browser stays on the page.
    """

    def __init__(self, page: Page) -> None:
        self.parts: dict[str, None] = {}
        self.begun = 0
        self._asked: list[str] = []
        self._is_armed = self._is_clicked = self._stays = False
        self._click = BackMsg()
        page.route_web_socket(re.compile("_stcore/stream"), self._carry)

    def arm(self, *, last_alone: bool = False) -> None:
        """For the next click; what the page's own timers ask for is no click."""
        self._is_armed, self._stays, self.begun = True, True, 0
        self._asked = list(self.parts)[-1:] if last_alone else list(self.parts)

    def _carry(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def to_server(frame: bytes | str) -> None:
            assert isinstance(frame, bytes)
            message = BackMsg.FromString(frame)
            is_click = message.HasField("rerun_script") and not message.rerun_script.is_auto_rerun
            if self._is_armed and is_click:
                self._is_armed, self._is_clicked, self._click = False, True, message
            server.send(frame)

        def to_browser(frame: bytes | str) -> None:
            assert isinstance(frame, bytes)
            message = ForwardMsg.FromString(frame)
            if self._stays and message.HasField("auth_redirect"):
                return
            if message.HasField("auto_rerun"):
                self.parts[message.auto_rerun.fragment_id] = None
            self.begun += message.HasField("new_session")
            browser.send(frame)
            if self._is_clicked and message.HasField("new_session"):
                self._is_clicked = False
                for part in self._asked:
                    server.send(self._ask_for(part).SerializeToString())

        browser.on_message(to_server)
        server.on_message(to_browser)

    def _ask_for(self, part: str) -> BackMsg:
        asked = BackMsg()
        asked.rerun_script.CopyFrom(self._click.rerun_script)
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = part, True
        states = asked.rerun_script.widget_states.widgets
        kept = [state for state in states if state.WhichOneof("value") != "trigger_value"]
        del states[:]
        states.extend(kept)
        return asked
