"""Helpers that run beside a test, from the beginning of a ``with`` to its end."""

from __future__ import annotations

from typing import Self


class Running:
    """Starts when a ``with`` begins and closes when it ends, even after an error."""

    def start(self) -> None:
        """Start; do nothing if it runs since its creation."""

    def close(self) -> None:
        """End, with every thread and connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ended_by: object) -> None:
        self.close()
