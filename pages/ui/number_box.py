"""A box for a number that takes a decimal comma and a decimal point, in both languages.

A browser's own number box drops a comma where its locale has a point: ``0,5`` became 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st

from pages.ui.session import language
from pages.ui.session import text as _

# The characters that a browser accepts; ``parse_number`` decides.
_PATTERN = r"^\s*[+\-\u2212]?[\d\s.,']*\d[\s.,']*([eE][+\-]?\d{1,3})?\s*$"
_GROUPING = re.compile(r"[\s\u00a0\u202f']")


def parse_number(text: str | None) -> Decimal | None:
    """Return the number that was typed, with a comma or a point; None if it is no number.

    If both occur, the last one is the decimal sign; one that occurs twice separates thousands.
    """
    plain = _GROUPING.sub("", text or "").replace("\u2212", "-")
    comma, point = plain.rfind(","), plain.rfind(".")
    decimal = "," if comma > point else "."
    if comma >= 0 and point >= 0:
        plain = plain.replace("." if decimal == "," else ",", "")
    if plain.count(decimal) > 1:
        plain = plain.replace(decimal, "")
    try:
        number = Decimal(plain.replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def typed(number: Decimal | float | None) -> str:
    """Return a number as it is typed in the reader's language: without separators."""
    if number is None:
        return ""
    exact = number if isinstance(number, Decimal) else Decimal(repr(float(number)))
    text = f"{exact.normalize():f}"
    return text.replace(".", ",") if language().code == "fr" else text


def show(
    label: str, *, key: str, on_change: Callable[[], None] | None = None, **more: Any
) -> Decimal | None:
    """Show the box; its state is a text. Returns the number, or None if it has none."""
    text = st.text_input(
        label,
        key=key,
        max_chars=40,
        on_change=on_change or "rerun",
        validate=(_PATTERN, _("Enter a number, such as {example}.").format(example=typed(12.5))),
        **more,
    )
    return parse_number(text)
