"""A server in a process of its own, told what to do line by line."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

from ecommerce_core.settings import PROJECT_ROOT
from tests.support.running import Running


class Child(Running):
    """Runs ``tests.servers.child``. ``marks`` are the lines that it has said."""

    def __init__(self, url: str, gateway: str, folder: Path, *, hold: str = "") -> None:
        command = [sys.executable, "-m", "tests.servers.child", url, gateway, str(folder), hold]
        self.marks: list[str] = []
        self._told = threading.Condition()
        self._process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.wait_for("ready")

    def say(self, line: str) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def wait_for(self, *marks: str, timeout_s: float = 60) -> str:
        """Wait until it says one of these after ``ready``, or whatever came last of them."""
        with self._told:
            said = self._told.wait_for(lambda: {*marks, "ended"} & {*self.marks}, timeout=timeout_s)
            found = [mark for mark in self.marks if mark in marks]
            assert said, f"it said {self.marks}"
            assert found, f"it ended, and had said {self.marks}"
            return found[-1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``."""
        assert self._process.poll() is None, "the process ended by itself"
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.wait()
        self._listener.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._told:
                self.marks.append(line.strip())
                self._told.notify_all()
        with self._told:
            self.marks.append("ended")
            self._told.notify_all()
