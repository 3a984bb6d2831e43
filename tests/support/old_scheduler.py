"""A stand-in of the older schedulers: strings for a clock, a page for a list, a thread a callback.

It answers behind a gateway's address as they do, and moves when a test says so.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ecommerce_core.domain import ListForm
from tests.support.running import Running

START = datetime(2019, 1, 7)
WIRE_TIME = "%d/%m/%Y-%H:%M:%S"
PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
HTML = "text/html"


@dataclass(frozen=True)
class OldTask:
    """An entry of its list."""

    time: datetime
    url: str
    app: str | None
    recurrence: str
    data: Any
    name: Any
    source: Any


class OldScheduler(Running):
    """``form`` is how it lists its tasks: with applications, with URLs alone, or the oldest way.

    ``app_url`` is where callbacks for ``app_name`` go; others go nowhere. ``is_down``: the gateway
    says so. Its clock is continuous: it never stands still for a callback.
    """

    def __init__(self, form: ListForm, *, speed: float = 3600) -> None:
        self.form = form
        self.speed = speed
        self.app_name = "e-commerce"
        self.app_url: str | None = None
        self.is_down = False
        self.is_paused = False
        self.clock_at = START
        self.listed: list[OldTask] = []
        self._lock = threading.Lock()
        scheduler = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def _answer(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, kind, text = scheduler.answer(method, self.path, body)
                raw = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The gateway's base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    # What happens to it

    def advance(self, real_s: float = 1.0) -> None:
        """Let so much time pass, and wait until the callbacks have been answered."""
        with self._lock:
            if self.is_paused or self.is_down:
                return
            self.clock_at += timedelta(seconds=self.speed * real_s)
            due = []
            while self.listed and self.listed[0].time <= self.clock_at:
                task = self.listed.pop(0)
                due.append(task)
                if task.recurrence in PERIODS:
                    self._insert(replace(task, time=task.time + PERIODS[task.recurrence]))
        threads = [threading.Thread(target=self._call, args=(task,)) for task in due]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    def restart(self) -> None:
        """Begin anew: the list is in memory alone, and the clock begins where it always does."""
        with self._lock:
            self.listed.clear()
            self.clock_at, self.is_paused, self.is_down = START, False, False

    def reset(self) -> None:
        """All tasks gone; the clock goes back to its start and runs."""
        with self._lock:
            self.listed.clear()
            self.clock_at, self.is_paused = START, False

    # What it answers

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, str]:
        """Status, content type and body of a request."""
        if self.is_down:
            return 503, HTML, "<html>failure to get a peer from the ring-balancer</html>"
        address = urlsplit(path)
        asked = dict(parse_qsl(address.query))
        with self._lock:
            found = self._found(method, address.path.strip("/"), asked, body)
        return found or (404, HTML, "<html><h1>Not Found</h1></html>")

    def _found(
        self, method: str, path: str, asked: Mapping[str, str], body: bytes
    ) -> tuple[int, str, str] | None:
        if method == "GET":
            return self._read(path)
        if path == "schedule/add":
            return self._add(body)
        if path == "schedule/delete" and {"name", "source"} <= asked.keys():
            self._delete(asked["source"], asked["name"])
        elif path == "app/delete" and "source" in asked:
            self._delete(asked["source"], None)
        elif path == "clock/speed":
            self.speed = max(float(asked["new"]), 0) or self.speed
        elif path in {"clock/pause", "clock/resume"}:
            if self.is_paused == (path == "clock/pause"):
                return 422, HTML, "<html>already so</html>"
            self.is_paused = path == "clock/pause"
        else:
            return None
        return 200, HTML, "OK"

    def _read(self, path: str) -> tuple[int, str, str] | None:
        if path == "clock/info":
            info = [self.clock_at.strftime(WIRE_TIME), f"{self.speed:.1f}", str(self.is_paused)]
            return 200, "application/json", json.dumps(info)
        if path == "schedule/size":
            return 200, HTML, str(len(self.listed))
        if path == "schedule/list":
            return 200, HTML, self._page()
        return None

    def _add(self, body: bytes) -> tuple[int, str, str]:
        try:
            fields = json.loads(body)
            at = datetime.strptime(fields["time"], WIRE_TIME)
            url = str(fields["target_url"])
        except (ValueError, KeyError, TypeError):
            return 422, HTML, "<html>cannot be scheduled</html>"
        if at < self.clock_at:
            return 422, HTML, "<html>before the clock</html>"
        recurrence = fields.get("recurrence")
        self._insert(
            OldTask(
                at,
                url,
                fields.get("target_app"),
                recurrence if recurrence in PERIODS else "none",
                fields.get("data"),
                fields.get("name", "default"),
                fields.get("source_app", "Unknown"),
            )
        )
        return 200, HTML, "Task has been scheduled"

    def _insert(self, task: OldTask) -> None:
        self.listed.append(task)
        self.listed.sort(key=lambda one: one.time)

    def _delete(self, source: str, name: str | None) -> None:
        self.listed = [
            task
            for task in self.listed
            if task.source != source or (name is not None and task.name != name)
        ]

    def _page(self) -> str:
        rows = "".join(f"<tr>{self._row(task)}</tr>" for task in self.listed)
        if self.form is ListForm.OLDEST_TABLE:
            head = "<tr><th>Time</th><th>URL</th><th>Recurrence</th></tr>"
            return f'<html><table class="fancy_table">{head}{rows}</table></html>'
        head = "<thead><tr><th>Name</th><th>Source</th></tr></thead>"
        return f'<table id="schedule_table" class="table">{head}<tbody>{rows}</tbody></table>'

    def _row(self, task: OldTask) -> str:
        time = str(task.time)
        if self.form is ListForm.OLDEST_TABLE:
            return _cells(time, task.url, task.recurrence)
        target = task.url if self.form is ListForm.URL_TABLE else f"{task.app}{task.url}"
        head = f'<th scope="row">{escape(str(task.name))}</th>'
        return head + _cells(str(task.source), target, time, task.recurrence)

    def _call(self, task: OldTask) -> None:
        if self.app_url is None or task.app != self.app_name:
            return
        data = task.data if isinstance(task.data, str) else None
        # It reads nothing of the answer, and does not try again.
        with suppress(requests.RequestException):
            headers = {"Host": self.app_name}
            requests.post(f"{self.app_url}/{task.url}", data=data, headers=headers, timeout=10)


def _cells(*texts: str) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in texts)
