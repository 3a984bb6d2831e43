"""Read the HTML page of tasks, which is all that older schedulers offer, without a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from types import MappingProxyType

from ecommerce_core.domain import ListForm, Oddity, PeerContractError, Task
from ecommerce_core.scheduler.wire_json import (
    PEER,
    WIRE_TIME,
    checked_task,
    odd_task,
    shorten,
    sort_tasks,
    time_or_none,
)

_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", WIRE_TIME)
# The cell of a row that holds the target.
TARGET = 2
_NONE: Mapping[str, str] = MappingProxyType({})
_TABLE = re.compile(
    r"<table\b[^<>]*\b(?:id|class)\s*=\s*[\"']?(?:[\w-]+ )*(?P<id>schedule_table|fancy_table)\b",
    re.IGNORECASE,
)
_LOOSE = re.compile(r"<(?!/?[a-z][^<>]*>)", re.IGNORECASE)
_TABLE_END = re.compile(r"</table\b", re.IGNORECASE)


def parse_tasks_html(
    body: bytes | bytearray, *, app_name: str | None = None, own_tasks: Mapping[str, str] = _NONE
) -> tuple[list[Task], ListForm]:
    """Return the tasks of the page that ``schedule/list`` answers, by time, and the list's form.

    The page joins the target's application and URL. They are separated if the text begins with a
    known application, ``app_name`` or the task's own source. Old schedulers list the URL alone, the
    oldest nothing but time, URL and recurrence: a URL of ``own_tasks`` (URL to name) is then taken
    for one of ours. The page has no ``data``. Raises PeerContractError, also for a table that does
    not end.
    """
    page = _without_comments(bytes(body).decode("utf-8", "replace"))
    start = _TABLE.search(page)
    if start is None:
        raise PeerContractError("tasks_without_table", peer=PEER)
    end = _TABLE_END.search(page, start.end())
    if end is None:
        raise PeerContractError("tasks_table_cut", peer=PEER)
    # The parser takes time quadratic in the length of unclosed markup: 90 s for 100 kB.
    markup = _LOOSE.sub("&lt;", page[start.start() : end.start()])
    table = _TableParser()
    try:
        table.feed(markup)
        table.close()
    except (AssertionError, ValueError, RecursionError) as error:
        raise PeerContractError(
            "tasks_markup_unreadable", peer=PEER, reason=shorten(str(error))
        ) from error
    rows = [["".join(cell).strip() for cell in row] for row in table.rows]
    if start["id"].lower() == "fancy_table":
        tasks = [_oldest_task(row, app_name, own_tasks) for row in rows]
        return sort_tasks(tasks), ListForm.OLDEST_TABLE
    has_urls_alone = any(len(row) > TARGET and row[TARGET] in own_tasks for row in rows)
    tasks = [_task(row, app_name, own_tasks) for row in rows]
    return sort_tasks(tasks), ListForm.URL_TABLE if has_urls_alone else ListForm.TABLE


def _without_comments(page: str) -> str:
    first, *others = page.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in others)


class _TableParser(HTMLParser):
    """Collects the texts of the cells, row by row, without the head of the table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        # A cell is a list of pieces: appending to a text takes time quadratic in their number.
        self._rows: list[list[list[str]]] = []
        self._heads: set[int] = set()
        self._in_head = False
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "thead":
            self._in_head = True
        elif tag == "tbody":
            self._in_head = False
        elif tag == "tr" and not self._in_head:
            self._in_cell = False
            self._heads.add(len(self._rows))
            self._rows.append([])
        elif tag in {"td", "th"} and self._rows:
            self._in_cell = True
            self._rows[-1].append([])
            if tag == "td":
                self._heads.discard(len(self._rows) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        elif tag in {"td", "th", "tr"}:
            self._in_cell = False

    @property
    def rows(self) -> list[list[list[str]]]:
        """The rows that have a data cell; others are heads."""
        return [row for number, row in enumerate(self._rows) if number not in self._heads]

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self._rows[-1][-1].append(data)


def _task(cells: list[str], app_name: str | None, own_tasks: Mapping[str, str]) -> Task:
    if len(cells) < 5:
        return odd_task(" ".join(cells), Oddity.INCOMPLETE)
    name, source, target, time, recurrence = cells[:5]
    apps = [app for app in (source, app_name) if app]
    known = [app for app in apps if target.startswith(app) and target != app]
    # Of "shop" and "shop-admin" the longer one is the likelier owner of "shop-admin/x".
    app = max(known, key=len, default=None)
    url = None if app is None else target[len(app) :]
    if app is None and app_name and source == app_name and target in own_tasks:
        app, url, target = app_name, target, app_name + target
    # The scheduler writes a missing application as its language does: None.
    odd = [Oddity.NO_APPLICATION] if app is None and target.startswith("None") else []
    return checked_task(
        name=name,
        source_app=source,
        target=target,
        target_app=app,
        target_url=url,
        next_fire_time=time_or_none(time, _TIMES),
        recurrence=recurrence,
        data=None,
        oddities=odd,
    )


def _oldest_task(cells: list[str], app_name: str | None, own_tasks: Mapping[str, str]) -> Task:
    if len(cells) < 3:
        return odd_task(" ".join(cells), Oddity.INCOMPLETE)
    time, url, recurrence = cells[:3]
    name = own_tasks.get(url) if app_name else None
    return checked_task(
        name=name or "",
        source_app="" if name is None else app_name or "",
        target=url if name is None else f"{app_name}{url}",
        target_app=None if name is None else app_name,
        target_url=url,
        next_fire_time=time_or_none(time, _TIMES),
        recurrence=recurrence,
        data=None,
    )
