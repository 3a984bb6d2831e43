"""A mail server and a webhook on 127.0.0.1 that keep what they receive."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.running import Running
from tests.support.server import free_port


@dataclass(frozen=True)
class Mail:
    """A mail as it arrived."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class MailServer(Running):
    """Receives mail over SMTP. Use it as a context manager."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        """Its Apprise URL."""
        people = "from=alerts@shop.example&to=ops@shop.example"
        return f"mailto://127.0.0.1:{self.port}?{people}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"

    def start(self) -> None:
        self._controller.start()

    def close(self) -> None:
        self._controller.stop()


class Webhook(Running):
    """Receives posted messages. Use it as a context manager.

    ``status`` is its answer's status, ``location`` its redirect's target; ``gate`` holds answers
    back.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.location: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._take(b"")

            def do_POST(self) -> None:
                self._take(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def _take(self, body: bytes) -> None:
                hook.gate.wait(30)
                hook.paths.append(self.path)
                if hook.status == 200 and body[:1] == b"{":
                    hook.posts.append(json.loads(body))
                self.send_response(hook.status)
                if hook.location is not None:
                    self.send_header("Location", hook.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        """Its Apprise URL."""
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def titles(self) -> list[str]:
        """The titles of the messages that it accepted."""
        return [post["title"] for post in self.posts]

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
