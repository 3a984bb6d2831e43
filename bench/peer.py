"""The peer, in a process of its own so that its processor time and memory are not ours.

It answers every request with the file that it was started for, as that file is at the moment, and
``clock/info`` with a time, like a scheduler. ``python -m bench.peer FILE`` prints the port and
serves until its standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLOCK = b'["07/01/2019-01:23:20", 0.001, false]'


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Run a peer that answers with ``file``, and yield its base URL."""
    command = [sys.executable, "-m", "bench.peer", str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()
            process.wait(10)


def main(path: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Host"] == "scheduler":
                body = CLOCK if self.path == "/clock/info" else b"[]"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(size))
                self.end_headers()
                self.connection.sendfile(file)

        def log_message(self, format: str, *args: object) -> None:
            """Do not log: the figures are the output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
