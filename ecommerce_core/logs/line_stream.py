"""Replacements of ``sys.stdout`` and ``sys.stderr`` that keep every line in the log's format.

Frameworks print, warn and set up loggers of their own at any time. Everything they write goes
through here line by line.
"""

from __future__ import annotations

import atexit
import io
import sys
import threading
from collections.abc import Callable
from typing import TextIO

# A longer line is passed on in parts.
_LONGEST_LINE = 100_000


class SharedStream(io.TextIOBase):
    """Writes to ``stream`` one text at a time, from any thread.

    The lock of a logging handler does not keep the text of other writers out of its line.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the stream's own descriptor."""
        return self.stream.fileno()

    def write(self, text: str) -> int:
        """Write all of a text and flush it, since other processes may write there too."""
        with self._lock:
            count = self.stream.write(text)
            self.stream.flush()
        return count

    def flush(self) -> None:
        """Do nothing: every write is flushed."""


class LineStream(io.TextIOBase):
    """Passes each line that is not blank through ``form`` to ``target``. Safe for threads."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, target: SharedStream, form: Callable[[str], str]) -> None:
        self.target = target
        self._form = form
        self._lock = threading.RLock()
        self._begun = ""
        atexit.register(self._end)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the target's own descriptor."""
        return self.target.fileno()

    def write(self, text: str) -> int:
        """Pass on whole lines, and keep the last one until it ends."""
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
        """Do nothing: only a line that has not ended is kept."""

    def _end(self) -> None:
        with self._lock:
            self._pass_on(self._begun)
            self._begun = ""

    def _pass_on(self, line: str) -> None:
        if line.strip():
            self.target.write(self._form(line.rstrip("\r")) + "\n")


def target_of(stream: TextIO | SharedStream | None) -> TextIO | SharedStream | None:
    """Return the stream a handler of ``stream`` should write to, so that it breaks no line of ours.

    That is ``stream`` itself if it was neither taken over nor made here.
    """
    for ours in (stream, sys.stdout, sys.stderr):
        if isinstance(ours, LineStream) and stream in {ours, ours.target.stream}:
            return ours.target
    return stream


def take_over(name: str, form: Callable[[str], str]) -> None:
    """Pass every line that is written to ``sys.stdout`` or ``sys.stderr`` through ``form``."""
    target = target_of(getattr(sys, name))
    if target is not None:
        shared = target if isinstance(target, SharedStream) else SharedStream(target)
        setattr(sys, name, LineStream(shared, form))
