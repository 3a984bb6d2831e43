"""Moments as stored texts, whose order is the order in time."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(moment: datetime | None) -> str | None:
    """Return a moment as stored: UTC to the millisecond; a naive, simulated one to the second."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.isoformat(timespec="seconds")
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def to_datetime(text: str | None) -> datetime | None:
    """Return a stored moment: aware if it ends in Z, else naive and simulated."""
    return None if text is None else datetime.fromisoformat(text)
