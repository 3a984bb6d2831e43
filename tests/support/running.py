"""What runs beside a test, from the beginning of a ``with`` to its end."""

from __future__ import annotations

from typing import Self


class Running:
    """Starts as a ``with`` begins and closes as it ends, however it does."""

    def start(self) -> None:
        """Begin; nothing to do if it runs since it was made."""

    def close(self) -> None:
        """End, with every thread and connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ended_by: object) -> None:
        self.close()
