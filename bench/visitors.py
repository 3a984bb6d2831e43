"""Sessions of a Streamlit server without a browser: its own protocol, every byte counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

TIMEOUT_S = 120


@dataclass(frozen=True)
class Visit:
    """One run of a page's script: from the request to the end of the answer."""

    took_ms: float
    received_bytes: int
    messages: int


class Visitor:
    """One session. ``origin`` is the server's, ``base`` the path that its pages are below."""

    def __init__(self, origin: str, *, base: str = "ecommerce/", page: str = "") -> None:
        self._page = page
        self._url = f"{origin}/{base}_stcore/stream".replace("http://", "ws://", 1)
        self._origin = Origin(origin)
        self._script_hash = ""
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Visitor:
        self._socket = connect(
            self._url,
            origin=self._origin,
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def ask(self, address: str = "") -> Visit:
        """Request the page for this address like a browser. Raises AssertionError if it fails."""
        assert self._socket is not None
        question = BackMsg()
        question.rerun_script.query_string = address
        question.rerun_script.page_name = self._page
        question.rerun_script.page_script_hash = self._script_hash
        begun = time.perf_counter()
        self._socket.send(question.SerializeToString())
        received = messages = 0
        while True:
            raw = self._socket.recv(timeout=TIMEOUT_S)
            assert isinstance(raw, bytes)
            received, messages = received + len(raw), messages + 1
            message = ForwardMsg()
            message.ParseFromString(raw)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._script_hash = message.navigation.page_script_hash
            if kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                raise AssertionError(message.delta.new_element.exception.message)
            # A fragment's own run ends with another status.
            if kind == "script_finished" and message.script_finished == 0:
                return Visit((time.perf_counter() - begun) * 1_000, received, messages)
