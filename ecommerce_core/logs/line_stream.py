"""What stands in for ``sys.stdout`` and ``sys.stderr``, so that no line goes past the log's form.

Frameworks print, warn and set up loggers of their own at any time. Whatever they write goes
through here line by line.
"""

from __future__ import annotations

import atexit
import io
import sys
import threading
from collections.abc import Callable
from typing import TextIO

# A line that does not end is passed on in parts.
_LONGEST_LINE = 100_000


class SharedStream(io.TextIOBase):
    """Writes to ``stream`` one text at a time, whoever writes. Safe for threads.

    Every logging handler has a lock of its own, which keeps nobody else's text out of its line.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The stream's own."""
        return self.stream.fileno()

    def write(self, text: str) -> int:
        """Write all of a text, and let it go out at once: other processes may write there too."""
        with self._lock:
            count = self.stream.write(text)
            self.stream.flush()
        return count

    def flush(self) -> None:
        """Nothing waits."""


class LineStream(io.TextIOBase):
    """Passes each line that is not blank to ``target``, as ``form`` has it. Safe for threads."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, target: SharedStream, form: Callable[[str], str]) -> None:
        self.target = target
        self._form = form
        self._lock = threading.RLock()
        self._begun = ""
        atexit.register(self._end)

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The target's own."""
        return self.target.fileno()

    def write(self, text: str) -> int:
        """Keep the last line until it ends, since nobody can tell yet what it is."""
        if not isinstance(text, str):
            raise TypeError("a text is wanted")
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_LINE:
                lines, self._begun = [*lines, self._begun], ""
            for line in lines:
                self._pass_on(line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits but a line that has not ended."""

    def _end(self) -> None:
        with self._lock:
            self._pass_on(self._begun)
            self._begun = ""

    def _pass_on(self, line: str) -> None:
        if line.strip():
            self.target.write(self._form(line.rstrip("\r")) + "\n")


def target_of(stream: TextIO | SharedStream | None) -> TextIO | SharedStream | None:
    """What a handler that writes to ``stream`` is to write to, so that it tears no line of ours.

    That is ``stream`` itself if it is neither a stream that was taken over nor one of ours.
    """
    for ours in (stream, sys.stdout, sys.stderr):
        if isinstance(ours, LineStream) and stream in {ours, ours.target.stream}:
            return ours.target
    return stream


def take_over(name: str, form: Callable[[str], str]) -> None:
    """Have every line that is written to ``sys.stdout`` or ``sys.stderr`` go through ``form``."""
    target = target_of(getattr(sys, name))
    if target is not None:
        shared = target if isinstance(target, SharedStream) else SharedStream(target)
        setattr(sys, name, LineStream(shared, form))
