"""The HTML page of tasks, all that older schedulers offer: read without a network."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser

from ecommerce_core.domain import PeerContractError, Task
from ecommerce_core.scheduler.wire_json import PEER, shorten, shown, sort_tasks, unreadable

_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
_TABLE = re.compile(r"<table\b[^<>]*\bid\s*=\s*[\"']?schedule_table\b", re.IGNORECASE)
_LOOSE = re.compile(r"<(?!/?[a-z][^<>]*>)", re.IGNORECASE)
_TABLE_END = re.compile(r"</table\b", re.IGNORECASE)


def parse_tasks_html(body: bytes | bytearray, *, app_name: str | None = None) -> list[Task]:
    """The page that ``schedule/list`` answers, sorted by time: a table with the id schedule_table.

    The page runs the target's application and URL together. They are told apart
    where the text begins with an application that is known, ``app_name`` or the
    task's own source; else both are None. The page has no ``data``. Raises
    PeerContractError, as well for a table that does not end.
    """
    page = _without_comments(bytes(body).decode("utf-8", "replace"))
    start = _TABLE.search(page)
    if start is None:
        raise PeerContractError("tasks_without_table", peer=PEER)
    end = _TABLE_END.search(page, start.end())
    if end is None:
        raise PeerContractError("tasks_table_cut", peer=PEER)
    # On what begins and never ends the parser takes time quadratic in the length: 90 s for 100 kB.
    markup = _LOOSE.sub("&lt;", page[start.start() : end.start()])
    table = _TableParser()
    try:
        table.feed(markup)
        table.close()
    except (AssertionError, ValueError, RecursionError) as error:
        raise PeerContractError(
            "tasks_markup_unreadable", peer=PEER, reason=shorten(str(error))
        ) from error
    tasks = []
    for number, cells in enumerate(table.rows, start=1):
        try:
            tasks.append(_task(cells, app_name))
        except ValueError as error:
            raise unreadable(number, error) from error
    return sort_tasks(tasks)


def _without_comments(page: str) -> str:
    first, *others = page.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in others)


class _TableParser(HTMLParser):
    """Collects the texts of the cells, row by row, the head of the table apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        # A cell is a list of pieces: adding to a text takes time quadratic in their number.
        self.rows: list[list[list[str]]] = []
        self._in_head = False
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "thead":
            self._in_head = True
        elif tag == "tbody":
            self._in_head = False
        elif tag == "tr" and not self._in_head:
            self._in_cell = False
            self.rows.append([])
        elif tag in {"td", "th"} and self.rows:
            self._in_cell = True
            self.rows[-1].append([])

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        elif tag in {"td", "th", "tr"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1].append(data)


def _task(cells: list[list[str]], app_name: str | None) -> Task:
    if len(cells) < 5:
        raise ValueError(f"{len(cells)} cells where at least 5 belong")
    name, source, target, time, recurrence = ("".join(cell).strip() for cell in cells[:5])
    known = [app for app in (source, app_name) if app and target.startswith(app) and target != app]
    # Of "shop" and "shop-admin" the longer one is the likelier owner of "shop-admin/x".
    app = max(known, key=len, default=None)
    return Task(
        name=name,
        source_app=source,
        target=target,
        target_app=app,
        target_url=None if app is None else target[len(app) :],
        next_fire_time=_html_time(time),
        recurrence=recurrence,
        data=None,
    )


def _html_time(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"its time {shown(text)} is not like 2019-12-31 23:59:59")
