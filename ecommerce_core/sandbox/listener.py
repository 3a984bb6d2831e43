"""Serve one ASGI application on one port, in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 2.0


class Listener:
    """A server that runs from its creation until ``stop``. Port 0 takes a free one.

    Raises OSError if the address is not available, RuntimeError if the server does not start.
    """

    def __init__(self, app: ASGIApp, *, name: str, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        # Outside the main thread uvicorn leaves the process's signals alone.
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name=name, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                listener.close()
                raise RuntimeError("The sandbox's server did not come up")
            time.sleep(0.005)

    def stop(self) -> None:
        """End the server, whatever it is doing."""
        self._server.should_exit = True
        self._thread.join(_STOP_TIMEOUT_S)
