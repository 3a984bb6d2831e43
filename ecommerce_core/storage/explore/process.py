"""Run ``child.py``: a process for one query, which can be killed at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from ecommerce_core.storage.explore import child

# No setting, no secret: of the environment only the paths of the system's libraries.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ANSWER_BYTES = 1_000_000


class Child:
    """One process. ``ask`` is for one thread; ``kill`` for any."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def ask(
        self, asked: Mapping[str, Any], result: BinaryIO, *, timeout_s: float
    ) -> dict[str, Any] | None:
        """Send the query, have the rows written into ``result``; return the process's answer.

        Returns None if it ended without an answer: it was killed, by ``kill`` or by the system.
        Raises subprocess.TimeoutExpired after ``timeout_s``, and OSError.
        """
        with self._temporary() as answer:
            process = self._start(answer, result)
            if process is None:
                return None
            try:
                with suppress(BrokenPipeError):
                    if process.stdin is not None:
                        process.stdin.write(json.dumps(dict(asked)).encode() + b"\n")
                        process.stdin.flush()
                process.wait(timeout_s)
            finally:
                process.kill()
                process.wait()
                if process.stdin is not None:
                    with suppress(BrokenPipeError):
                        process.stdin.close()
            answer.seek(0)
            told = answer.read(_ANSWER_BYTES)
        return json.loads(told) if process.returncode == 0 and told else None

    def kill(self) -> None:
        """Kill it at once, or before it begins."""
        with self._lock:
            self._is_killed = True
            if self._process is not None:
                self._process.kill()

    def _start(self, answer: BinaryIO, result: BinaryIO) -> subprocess.Popen[bytes] | None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with self._lock:
            if self._is_killed:
                return None
            # It is run by its path and isolated, so that it imports only what it needs.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", child.__file__, str(result.fileno())],
                stdin=subprocess.PIPE,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env=environment,
                pass_fds=(result.fileno(),),
            )
            return self._process

    def _temporary(self) -> BinaryIO:
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))
