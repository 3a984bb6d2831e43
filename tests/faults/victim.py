"""A process that syncs once and can be killed at any instant."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PHASES = {
    "ready": "before the run",
    "began": "download and validation",
    "applying": "in the transaction",
    "committing": "in its COMMIT",
    "committed": "after",
    "done": "after",
}


class Victim:
    """A process that syncs once and can be killed at any instant."""

    def __init__(self) -> None:
        self.marks: dict[str, float] = {}
        self._told = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.sync_once"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.started_at = 0.0

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._told:
                self.marks[line.strip()] = time.monotonic()
                self._told.notify_all()
        with self._told:
            self.marks["ended"] = time.monotonic()
            self._told.notify_all()

    def wait_for(self, mark: str) -> None:
        with self._told:
            assert self._told.wait_for(lambda: {mark, "ended"} & self.marks.keys(), timeout=60)
            assert mark in self.marks, "the process ended by itself"

    def start(self, database: Path, url: str) -> None:
        assert self._process.stdin is not None
        self.wait_for("ready")
        self.started_at = time.monotonic()
        self._process.stdin.write(f"{database}\t{url}\n")

    def kill(self) -> None:
        """Send ``kill -9``. The marks are complete afterwards."""
        assert self._process.poll() is None, "the process ended by itself"
        self._process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listener.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def phase(self) -> str:
        """Return its phase, by the last mark that it printed."""
        return PHASES[[mark for mark in self.marks if mark in PHASES][-1]]
