"""Tables in the reader's language: numbers, money and times are formatted for it, and sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from functools import partial
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import streamlit as st

from pages.ui import status
from pages.ui.session import Language, language

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

Kind = Literal[
    "text", "number", "exact", "money", "moment", "simulated", "duration", "actions", "status"
]

# Whole numbers below it look the same in both languages, so the browser can format them fast.
SMALL = 1_000
# Browsers that format numbers as we do; one for en-DE writes a thousand as 1.234, for fr-CH 4.24 €.
LOCALES = {"en": {"en", "en-gb", "en-us", "en-ie"}, "fr": {"fr", "fr-fr", "fr-be"}}
# Pixels of a small letter, a digit, a space or a mark, any other character, and around those of a
# cell: as Chromium draws them, rounded up.
LETTER_PX, DIGIT_PX, NARROW_PX, WIDE_PX, AROUND_PX = 6, 7, 4, 8, 20
# A heading is a little bolder.
HEADING_PX = 2
NARROW = frozenset(" .,:;'’!|-\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}")
# A browser has no exact whole numbers beyond it.
LARGEST = 2**53
# A browser only knows the English names of months.
TIME_FORMATS = {"en": "D MMM YYYY, HH:mm:ss", "fr": "DD/MM/YYYY HH:mm:ss"}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: the row's field, how it is shown, and its heading if not its word.

    Money is in cents, a moment in UTC, a simulated time naive, a duration in seconds. Of a number
    two decimals are shown, of an exact one as many as matter, or ``decimals``. A status is its code
    and shown as a pill with its word. Actions are lists of labels, a menu in each row: ``key`` is
    where a click is told, ``on_click`` is called.

    A number is never cut, whatever its ``width``. A column with ``widest`` is as wide as its
    heading and the longest of its texts, which end in an ellipsis where they are wider than this.
    """

    name: str
    kind: Kind = "text"
    label: str | None = None
    width: int | None = None
    widest: int | None = None
    help: str | None = None
    decimals: int | None = None
    key: str | None = None
    on_click: Callable[[], None] | None = None


def show_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[TableColumn],
    *,
    key: str,
    alt: str,
    **more: Any,
) -> Any:
    """Show a table of dicts; ``more`` are further arguments of ``st.dataframe``."""
    words = language()
    values = {c.name: [row[c.name] for row in rows] for c in columns}
    pills = {c.name: [str(v or "") for v in values[c.name]] for c in columns if c.kind == "status"}
    values |= {name: [words.word(code) for code in codes] for name, codes in pills.items()}
    cells = {c.name: cells_of(values[c.name], c.kind, words.zone) for c in columns}
    formats = {
        c.name: None
        if c.decimals is not None
        else browser_format(c.kind, cells[c.name], language=words.code, locale=st.context.locale)
        for c in columns
    }
    widths = {c.name: _width(c, cells[c.name], words) for c in columns}
    cut = {c.name: c.widest for c in columns if c.widest and _is_cut(c, cells[c.name])}
    # Formatting the cells here takes ten times as long.
    by_browser = None not in formats.values() and not cut
    return st.dataframe(
        pa.table(cells) if by_browser else _written(pa.table(cells), columns, words, cut),
        column_config={
            c.name: status.column(
                c.label or words.word(c.name),
                values[c.name],
                names=pills[c.name],
                width=c.width,
                help=c.help,
            )
            if c.name in pills
            else _config(c, words, formats[c.name], widths[c.name])
            for c in columns
        },
        hide_index=True,
        key=key,
        alt=alt,
        placeholder="–",
        **more,
    )


def cells_of(values: Sequence[Any], kind: Kind, zone: tzinfo) -> pa.Array:
    """Return a column for sorting in the browser: moments as local times in ``zone``, euros."""
    if kind == "text":
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    if kind == "status":
        return pa.array([[word] if word else None for word in values], pa.list_(pa.string()))
    if kind == "actions":
        return pa.array([list(value) for value in values], pa.list_(pa.string()))
    if kind == "moment":
        values = [None if at is None else at.astimezone(zone).replace(tzinfo=None) for at in values]
    if kind in {"moment", "simulated"}:
        return pa.array(values, pa.timestamp("us"))
    if kind == "money":
        return pa.array([None if cents is None else cents / 100 for cents in values], pa.float64())
    numbers = [None if value is None else float(value) for value in values]
    is_whole = all(n is None or (n.is_integer() and abs(n) <= LARGEST) for n in numbers)
    if is_whole:
        return pa.array([None if n is None else int(n) for n in numbers], pa.int64())
    return pa.array(numbers, pa.float64())


def browser_format(kind: Kind, cells: pa.Array, *, language: str, locale: str | None) -> str | None:
    """Return the browser's format for such cells in a language, or None if it has none.

    A browser's format takes precedence over a text of ours.
    """
    if kind in {"text", "actions", "status"}:
        return ""
    if kind in {"moment", "simulated"}:
        return TIME_FORMATS[language]
    if kind in {"number", "exact"}:
        if not pa.types.is_integer(cells.type):
            return None  # it cannot write two decimals for the fractions only
        if all(abs(number) < SMALL for number in cells.drop_null().to_pylist()):
            return "%d"
    if (locale or "").replace("_", "-").lower() not in LOCALES[language]:
        return None
    return {"number": "localized", "exact": "localized", "money": "euro"}.get(kind)


def _width(column: TableColumn, cells: pa.Array, words: Language) -> int | None:
    """Return the width of a column: that of a text as declared, no number cut."""
    heading = _px(column.label or words.word(column.name)) + HEADING_PX
    if column.widest is not None:
        longest = max((_px(text) for text in cells.to_pylist() if text), default=0)
        return max(heading, min(column.widest, longest))
    if column.kind not in {"number", "exact", "money"}:
        return column.width
    write = _writers(words)[column.kind]
    # To write them all takes too long.
    numbers = (number for number in cells.to_pylist() if number is not None)
    candidates = nlargest(20, numbers, key=lambda number: len(repr(number)))
    longest = max((_px(write(number)) for number in candidates), default=0)
    return max(column.width or 0, heading, longest)


def _px(text: str) -> int:
    """Return about how wide a text is, with what is around it in a cell."""
    small, digits = sum(map(str.islower, text)), sum(map(str.isdigit, text))
    narrow = sum(each in NARROW for each in text)
    others = len(text) - small - digits - narrow
    px = LETTER_PX * small + DIGIT_PX * digits + NARROW_PX * narrow + WIDE_PX * others
    return px + AROUND_PX


def _is_cut(column: TableColumn, cells: pa.Array) -> bool:
    widest = column.widest
    return widest is not None and any(_px(text) > widest for text in cells.to_pylist() if text)


def _ellipsis(widest: int, text: str) -> str:
    """Return as much of a text as fits into ``widest`` pixels."""
    px = _px(text)
    if px <= widest:
        return text
    return f"{text[: len(text) * (widest - AROUND_PX) // (px - AROUND_PX) - 1].rstrip()}…"


def _config(column: TableColumn, words: Language, written: str | None, width: int | None) -> Any:
    label = column.label or words.word(column.name)
    look: dict[str, Any] = {"width": width, "help": column.help}
    if column.kind == "text":
        return st.column_config.TextColumn(label, **look)
    if column.kind == "actions":
        return st.column_config.ButtonColumn(
            label, key=column.key or "", on_click=column.on_click, type="tertiary", **look
        )
    if column.kind in {"moment", "simulated"}:
        return st.column_config.DatetimeColumn(label, format=written, **look)
    return st.column_config.NumberColumn(label, format=written, **look)


def _exact(words: Language, value: float) -> str:
    """Return a number with at most six decimals, or three digits if it is smaller than those."""
    if value and abs(value) < 1e-4:
        return f"{value:.3g}"
    return words.exact(Decimal(repr(round(float(value), 6))))


def _writers(words: Language) -> dict[str, Callable[[Any], str]]:
    return {
        "number": words.points,
        "exact": partial(_exact, words),
        "money": lambda euros: words.money(round(euros * 100)),
        "duration": words.duration,
    }


def _written(
    cells: pa.Table, columns: Sequence[TableColumn], words: Language, cut: Mapping[str, int]
) -> Styler:
    """Return the cells with their texts, which are shown in their place; they sort as numbers.

    ``cut``: the widest text of a column, in pixels.
    """
    formats = _writers(words)
    styled: Styler = cells.to_pandas().style
    fixed = {
        c.name: partial(words.number, decimals=c.decimals)
        for c in columns
        if c.decimals is not None
    }
    shown: dict[Any, Any] = {c.name: formats[c.kind] for c in columns if c.kind in formats}
    texts: dict[Any, Any] = {name: partial(_ellipsis, widest) for name, widest in cut.items()}
    return styled.format(shown | fixed | texts, na_rep="")
