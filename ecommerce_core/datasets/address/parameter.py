"""One parameter of an address: its name, and the values that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address.

    ``read`` returns the view with the value applied, or None if the value is invalid. ``takes``
    describes the valid values in words, ``schema`` for programs. One that ``repeats`` may occur
    several times.
    """

    name: str
    takes: str
    schema: Schema
    read: Callable[[Any, str], Any]
    repeats: bool = False
