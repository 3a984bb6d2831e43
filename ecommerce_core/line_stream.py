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


class LineStream(io.TextIOBase):
    """Passes each line that is not blank to ``target``, as ``form`` has it. Safe for threads."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, target: TextIO, form: Callable[[str], str]) -> None:
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
            if lines:
                self.target.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing waits but a line that has not ended."""

    def _end(self) -> None:
        with self._lock:
            self._pass_on(self._begun)
            self._begun = ""
            self.target.flush()

    def _pass_on(self, line: str) -> None:
        if line.strip():
            self.target.write(self._form(line.rstrip("\r")) + "\n")


def target_of(stream: TextIO | None) -> TextIO | None:
    """The stream behind ``stream``, where it is one of ours."""
    return stream.target if isinstance(stream, LineStream) else stream


def take_over(name: str, form: Callable[[str], str]) -> None:
    """Have every line that is written to ``sys.stdout`` or ``sys.stderr`` go through ``form``."""
    target = target_of(getattr(sys, name))
    if target is not None:
        setattr(sys, name, LineStream(target, form))
