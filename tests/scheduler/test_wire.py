"""Parsing the scheduler's answers: the recorded ones and arbitrary others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecommerce_core.domain import Clock, ListForm, Oddity, PeerContractError, Task
from ecommerce_core.scheduler import wire_html
from ecommerce_core.scheduler.client import parse_clock, parse_tasks_json

WIRE = Path(__file__).parents[1] / "wire"
CASES = Path(__file__).parent / "cases"
AT = datetime(2019, 1, 7, 1, 23, 20)
AT_ROW = datetime(2019, 1, 9, 7, 56)
ROW: list[object] = ["09/01/2019-07:56:00", "a/b", "shop", "hour", "", "n", "s", False]


def parse_tasks_html(body: bytes, *, app_name: str | None = None) -> list[Task]:
    tasks, _form = wire_html.parse_tasks_html(body, app_name=app_name)
    return tasks


PARSERS: tuple[Callable[[bytes], object], ...] = (
    parse_clock,
    parse_tasks_json,
    parse_tasks_html,
)

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


# The clock


def test_the_recorded_clock_is_read() -> None:
    body = (WIRE / "scheduler.clock-info.json").read_bytes()
    assert parse_clock(body) == Clock(datetime(2019, 1, 9, 7, 55, 50), 50.0, paused=False)


def test_both_revisions_of_the_clock_say_the_same() -> None:
    newer = parse_clock(b'["07/01/2019-01:23:20", 50, false]')
    older = parse_clock(b'["07/01/2019-01:23:20", "50", "False"]')
    assert newer == older == Clock(AT, 50.0, paused=False)
    assert parse_clock(b'["07/01/2019-01:23:20", "0.5", "True"]') == Clock(AT, 0.5, paused=True)


def test_the_string_false_is_not_true_in_any_case() -> None:
    for word, paused in (("False", False), ("FALSE", False), ("false", False), ("tRUE", True)):
        assert parse_clock(encode(["07/01/2019-01:23:20", 1, word])).paused is paused


@pytest.mark.parametrize("paused", ["no", "0", 0, 1, None, "", "False ", [], "falſe"])
def test_what_is_neither_true_nor_false_is_no_pause(paused: object) -> None:
    with pytest.raises(PeerContractError, match="pause") as caught:
        parse_clock(encode(["07/01/2019-01:23:20", 50, paused]))
    assert caught.value.peer == "scheduler"


@pytest.mark.parametrize(
    ("speed", "read"),
    [(50, 50), (0, 0), (0.5, 0.5), ("0.5", 0.5), ("50", 50), (" 5 ", 5), ("1e3", 1000), ("5.", 5)],
)
def test_a_speed_may_be_a_number_a_fraction_or_a_string_of_either(
    speed: object, read: float
) -> None:
    assert parse_clock(encode(["07/01/2019-01:23:20", speed, False])).speed == read


@pytest.mark.parametrize(
    "speed",
    [True, -1, "-0.5", "nan", "Infinity", "1e999", "1_000", "٥", "", None, [50], "0x10", 10**400],
)
def test_a_speed_that_is_no_finite_number_from_0_up_is_refused(speed: object) -> None:
    with pytest.raises(PeerContractError, match="speed|JSON"):
        parse_clock(encode(["07/01/2019-01:23:20", speed, False]))


@pytest.mark.parametrize(
    "at",
    ["2019-01-07 01:23:20", "32/01/2019-00:00:00", "29/02/2019-00:00:00", "", None, 1, "x" * 9999],
)
def test_a_time_of_another_form_is_refused_and_shown_in_part(at: object) -> None:
    with pytest.raises(PeerContractError, match="time") as caught:
        parse_clock(encode([at, 50, False]))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b'["07/01/2019-01:23:20", 50]',
        b"<html>down</html>",
        b'["07/01/2019-01:23:20", NaN, false]',
        b'["07/01/2019-01:23:20", 50, fal',
        b'["\\ud800", 50, false]',
        b"\xff\xfe",
        b"[" * 200_000 + b"]" * 200_000,
        b"[[" + b"9" * 4_400 + b"]]",
        b"[" + b"9" * 4_400 + b", 1, 2]",
    ],
)
def test_what_is_no_clock_is_a_contract_error(body: bytes) -> None:
    with pytest.raises(PeerContractError) as caught:
        parse_clock(body)
    assert len(str(caught.value)) < 300


def test_elements_that_a_later_revision_adds_to_the_clock_are_ignored() -> None:
    assert parse_clock(b'["07/01/2019-01:23:20", 50, false, "x"]').speed == 50


# The list in JSON


def test_the_recorded_list_is_read() -> None:
    tasks = parse_tasks_json((WIRE / "scheduler.schedule-json.json").read_bytes())
    assert [task.recurrence for task in tasks] == ["minute", "hour", "day", "week"]
    assert tasks[0] == Task(
        name="get_products",
        source_app="e-commerce",
        target="e-commerceecommerce/add-auto",
        target_app="e-commerce",
        target_url="ecommerce/add-auto",
        next_fire_time=datetime(2019, 1, 9, 7, 56),
        recurrence="minute",
        data="",
    )


def test_tasks_come_sorted_by_time_and_not_by_text() -> None:
    rows = [["02/02/2019-00:00:00", *ROW[1:]], ["10/01/2019-00:00:00", *ROW[1:]]]
    assert [
        task.next_fire_time and task.next_fire_time.month for task in parse_tasks_json(encode(rows))
    ] == [1, 2]


def test_elements_at_the_end_of_a_row_may_be_more_or_lack_the_last() -> None:
    assert parse_tasks_json(encode([[*ROW, "new", {"x": 1}]])) == parse_tasks_json(encode([ROW]))
    assert parse_tasks_json(encode([ROW[:7]])) == parse_tasks_json(encode([ROW]))


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ("", ""),
        ("a token", "a token"),
        (None, None),
        ("null", "null"),
        ({"a": [1, "é"]}, {"a": [1, "é"]}),
        ([], []),
        (False, False),
        (12, 12),
    ],
)
def test_data_is_a_text_or_none_and_json_where_it_was_neither(data: object, kept: object) -> None:
    row = [*ROW[:4], data, *ROW[5:]]
    (task,) = parse_tasks_json(encode([row]))
    if isinstance(kept, str) or kept is None:
        assert task.data == kept
    else:
        assert isinstance(task.data, str)
        assert json.loads(task.data) == kept


def test_a_number_of_any_length_in_the_data_of_others_is_kept() -> None:
    body = encode([ROW]).replace(b'"hour", ""', b'"hour", ' + b"9" * 5_000)
    (task,) = parse_tasks_json(body)
    assert task.data == "9" * 5_000


@pytest.mark.parametrize(
    ("row", "texts", "at", "oddities"),
    [
        (ROW[:6], ("n", "", "shopa/b"), AT_ROW, {Oddity.INCOMPLETE}),
        ("text", ("", "", '"text"'), None, {Oddity.INCOMPLETE, Oddity.NO_TIME}),
        (None, ("", "", "null"), None, {Oddity.INCOMPLETE, Oddity.NO_TIME}),
        ({"a": 1}, ("", "", '{"a": 1}'), None, {Oddity.INCOMPLETE, Oddity.NO_TIME}),
        (["2019-01-09 07:56:00", *ROW[1:]], ("n", "s", "shopa/b"), None, {Oddity.NO_TIME}),
        ([1, *ROW[1:]], ("n", "s", "shopa/b"), None, {Oddity.NO_TIME, Oddity.WRONG_TYPE}),
        ([ROW[0], None, *ROW[2:]], ("n", "s", "shop"), AT_ROW, {Oddity.INCOMPLETE}),
        ([*ROW[:2], None, *ROW[3:]], ("n", "s", "a/b"), AT_ROW, {Oddity.NO_APPLICATION}),
        ([*ROW[:3], 5, *ROW[4:]], ("n", "s", "shopa/b"), AT_ROW, {Oddity.WRONG_TYPE}),
        ([*ROW[:5], None, *ROW[6:]], ("", "s", "shopa/b"), AT_ROW, set()),
        ([*ROW[:6], [], False], ("n", "[]", "shopa/b"), AT_ROW, {Oddity.WRONG_TYPE}),
        ([*ROW[:5], "n" * 201, "s"], ("n" * 201, "s", "shopa/b"), AT_ROW, {Oddity.TOO_LONG}),
    ],
)
def test_an_odd_row_is_read_as_far_as_it_can_be_and_marked(
    row: object, texts: tuple[str, ...], at: datetime | None, oddities: set[Oddity]
) -> None:
    tasks = parse_tasks_json(encode([ROW, row, ROW]))

    good = parse_tasks_json(encode([ROW]))[0]
    assert good.oddities == ()
    tasks.remove(good)
    tasks.remove(good)
    (task,) = tasks
    assert (task.name, task.source_app, task.target) == texts
    assert task.next_fire_time == at
    assert set(task.oddities) == oddities


def test_a_task_without_application_leaves_the_others_as_they_are() -> None:
    ours, odd = parse_tasks_json(
        (CASES / "schedule-with-a-task-without-application.json").read_bytes()
    )

    assert (ours.name, ours.target, ours.oddities) == (
        "get_products",
        "e-commerceecommerce/add-auto",
        (),
    )
    assert (odd.name, odd.source_app, odd.target, odd.target_app, odd.data) == (
        "default",
        "Unknown",
        "x",
        None,
        None,
    )
    assert odd.next_fire_time == datetime(2030, 1, 8)
    assert odd.oddities == (Oddity.NO_APPLICATION,)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"3", b"null", b"<table>", b"[NaN]", b"[[" * 100_000, b"[1", b"\xff"],
)
def test_what_is_no_list_is_a_contract_error(body: bytes) -> None:
    with pytest.raises(PeerContractError):
        parse_tasks_json(body)


def test_an_empty_list_has_no_tasks() -> None:
    assert parse_tasks_json(b"[]") == []


# The list in HTML


def page(*rows: tuple[str, ...], end: str = "</table>") -> bytes:
    """Return a page like the scheduler's, with rows of cells that are texts."""
    body = "".join(
        f'<tr>\n <th scope="row">{escape(cells[0])}</th>\n '
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
        + "<td><button onclick=\"delete_schedule('x','y')\">Delete task</button></td></tr>"
        for cells in rows
    )
    head = "<thead><tr><th>Name</th><th>Source</th></tr></thead>"
    table = f'<table id="schedule_table" class="t">{head}<tbody>{body}</tbody>{end}'
    return f"<html><table><tr><td>other</td></tr></table>{table}</html>".encode()


CELLS = ("n", "shop", "shopa/b", "2019-01-09 07:56:00", "hour")


def test_the_recorded_page_says_the_same_as_the_recorded_json() -> None:
    from_page = parse_tasks_html((WIRE / "scheduler.schedule-list.html").read_bytes())
    from_json = parse_tasks_json((WIRE / "scheduler.schedule-json.json").read_bytes())
    assert from_page == [replace(task, data=None) for task in from_json]


def test_entities_in_cells_are_decoded_and_markup_in_them_is_text() -> None:
    name = "<script>alert('é & co')</script>"
    (task,) = parse_tasks_html(page((name, *CELLS[1:])))
    assert task.name == name


def test_the_target_is_split_after_an_application_that_is_known() -> None:
    def split(
        source: str, target: str, app_name: str | None = None
    ) -> tuple[str | None, str | None]:
        body = page(("n", source, target, *CELLS[3:]))
        (task,) = parse_tasks_html(body, app_name=app_name)
        assert task.target == target
        return task.target_app, task.target_url

    assert split("shop", "shopa/b") == ("shop", "a/b")
    assert split("crm", "e-commerceecommerce/x", "e-commerce") == ("e-commerce", "ecommerce/x")
    assert split("crm", "othera/b", "e-commerce") == (None, None)
    assert split("shop", "shop-admin/x", "shop-admin") == ("shop-admin", "/x")
    assert split("shop", "shop") == (None, None)
    assert split("", "a/b") == (None, None)


def test_a_page_without_tasks_has_none() -> None:
    assert parse_tasks_html(page()) == []


def test_html_tasks_come_sorted_by_time() -> None:
    rows = [(*CELLS[:3], f"2019-0{month}-09 07:56:00", "day") for month in (3, 1, 2)]
    assert [
        task.next_fire_time and task.next_fire_time.month for task in parse_tasks_html(page(*rows))
    ] == [1, 2, 3]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>502 Bad Gateway</h1></html>",
        b"<table><tr><td>1</td></tr></table>",
        b'<div id="schedule_table"></div>',
        b'["json"]',
        b"\xff\xfe\x00",
    ],
)
def test_a_page_without_the_table_is_a_contract_error(body: bytes) -> None:
    with pytest.raises(PeerContractError, match="no table"):
        parse_tasks_html(body)


def test_a_page_that_ends_in_the_table_is_not_taken_for_a_short_list() -> None:
    with pytest.raises(PeerContractError, match="does not end"):
        parse_tasks_html(page(CELLS, CELLS, end=""))


@pytest.mark.parametrize(
    ("cells", "at", "oddities"),
    [
        (CELLS[:3], None, {Oddity.INCOMPLETE, Oddity.NO_TIME}),
        ((*CELLS[:3], "tomorrow", "hour"), None, {Oddity.NO_TIME}),
        ((*CELLS[:3], "2019-02-30 00:00:00", "hour"), None, {Oddity.NO_TIME}),
        ((*CELLS[:2], "Nonex", *CELLS[3:]), AT_ROW, {Oddity.NO_APPLICATION}),
    ],
)
def test_an_odd_row_of_the_page_is_marked(
    cells: tuple[str, ...], at: datetime | None, oddities: set[Oddity]
) -> None:
    good, odd = sorted(parse_tasks_html(page(CELLS, cells)), key=lambda task: len(task.oddities))

    assert good == parse_tasks_html(page(CELLS))[0]
    assert odd.next_fire_time == at
    assert set(odd.oddities) == oddities


def test_a_page_that_lists_urls_alone_is_named_as_old() -> None:
    own = {"ecommerce/add-auto": "get_products"}
    rows = [
        ("get_products", "e-commerce", "ecommerce/add-auto", *CELLS[3:]),
        ("theirs", "crm", "ecommerce/add-auto", *CELLS[3:]),
    ]
    tasks, form = wire_html.parse_tasks_html(page(*rows), app_name="e-commerce", own_tasks=own)

    assert form is ListForm.URL_TABLE
    assert form.is_old
    ours, theirs = tasks
    assert (ours.target_app, ours.target_url) == ("e-commerce", "ecommerce/add-auto")
    assert (theirs.target_app, theirs.target) == (None, "ecommerce/add-auto")


def test_the_oldest_table_has_times_urls_and_recurrences_alone() -> None:
    body = b"""<table class="fancy_table" id="t">
      <tr><th>Time</th><th>URL</th><th>Recurrence</th></tr>
      <tr><td>2019-01-09 07:56:00</td><td>ecommerce/add-auto</td><td>hour</td></tr>
      <tr><td>2019-01-08 07:56:00</td><td>crm/x</td><td>none</td></tr></table>"""
    own = {"ecommerce/add-auto": "get_products"}
    tasks, form = wire_html.parse_tasks_html(body, app_name="e-commerce", own_tasks=own)

    assert form is ListForm.OLDEST_TABLE
    theirs, ours = tasks
    assert (theirs.name, theirs.source_app, theirs.target) == ("", "", "crm/x")
    assert (ours.name, ours.source_app, ours.target) == (
        "get_products",
        "e-commerce",
        "e-commerceecommerce/add-auto",
    )
    assert (ours.next_fire_time, ours.recurrence) == (AT_ROW, "hour")


def test_rows_in_a_comment_are_no_tasks() -> None:
    body = page(CELLS).replace(b"<tbody>", b"<tbody><!-- <tr><td>old</td></tr> -->")
    assert len(parse_tasks_html(body)) == 1
    with pytest.raises(PeerContractError, match="does not end"):
        parse_tasks_html(page(CELLS, CELLS).replace(b"<tbody>", b"<tbody><!--"))


def test_a_number_too_long_for_an_entity_is_a_contract_error() -> None:
    body = page(CELLS).replace(b"hour", b"&#" + b"9" * 5_000 + b";")
    with pytest.raises(PeerContractError):
        parse_tasks_html(body)


@pytest.mark.parametrize(
    "piece", [b"<a ", b"<a b='", b"<!--", b"<!-- x>", b"<![x", b"<table ", b"<", b"<?"]
)
def test_tags_that_never_end_do_not_hold_the_reader_up(piece: bytes) -> None:
    began = time.monotonic()
    body = b'<table id="schedule_table"><tr><td>' + piece * 60_000 + b"</table>"
    assert is_read_or_refused(parse_tasks_html, body)
    assert time.monotonic() - began < 10


# Anything at all


@settings(max_examples=150, deadline=None)
@given(any_json)
def test_any_json_is_read_or_is_a_contract_error(value: object) -> None:
    for parse in PARSERS:
        assert is_read_or_refused(parse, encode(value))


@settings(max_examples=150, deadline=None)
@given(st.lists(any_json, max_size=9))
def test_any_row_and_any_clock_is_read_or_is_a_contract_error(values: list[object]) -> None:
    assert is_read_or_refused(parse_clock, encode(values))
    assert is_read_or_refused(parse_tasks_json, encode([values]))
    for index, value in enumerate(values[: len(ROW)]):
        assert is_read_or_refused(
            parse_tasks_json, encode([[*ROW[:index], value, *ROW[index + 1 :]]])
        )
    for index, value in enumerate(values[:3]):
        clock: list[object] = ["07/01/2019-01:23:20", 50, False]
        clock[index] = value
        assert is_read_or_refused(parse_clock, encode(clock))


@settings(max_examples=150, deadline=None)
@given(st.binary() | st.text().map(lambda text: text.encode()))
def test_any_text_is_read_or_is_a_contract_error(body: bytes) -> None:
    for parse in PARSERS:
        assert is_read_or_refused(parse, body)
    assert is_read_or_refused(parse_tasks_html, b'<table id="schedule_table">' + body + b"</table>")
    assert is_read_or_refused(parse_tasks_html, page(CELLS).replace(b"hour", body))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<tr>", "</tr>", "<td>", "<th>", "</td>", "<thead>", "</thead>", "<tbody>", "&#0;",
             "<!--", "-->", "<![CDATA[", "<![if", "]>", "<!x", "<?", ">", "<script>", "&#xD800;",
             "2019-01-09 07:56:00", "x"]
        )
    )
)  # fmt: skip
def test_any_markup_in_the_table_is_read_or_is_a_contract_error(pieces: list[str]) -> None:
    assert is_read_or_refused(
        parse_tasks_html, f'<table id="schedule_table">{"".join(pieces)}</table>'.encode()
    )


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1))
def test_any_name_survives_the_page(name: str) -> None:
    (task,) = parse_tasks_html(page((name, *CELLS[1:])))
    assert task.name == name


def is_read_or_refused(parse: Callable[[bytes], object], body: bytes) -> bool:
    """Return whether ``body`` is parsed, or refused in this peer's name with a printable text."""
    try:
        parse(body)
    except PeerContractError as error:
        return error.peer == "scheduler" and len(str(error).encode()) < 2_000
    return True
