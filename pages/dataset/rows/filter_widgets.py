"""The widgets of the filters by one column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from ecommerce_core.datasets import (
    LAST_RUN,
    TEXT_CHARS,
    Column,
    Dataset,
    Filter,
    Range,
    View,
    is_day,
    is_run,
    with_filter,
)
from ecommerce_core.domain import Query, RunStatus
from pages import ui
from pages.dataset import view_state
from pages.dataset.rows.filter_words import moment_in_words
from pages.dataset.view_state import choose_in, edited_by, show_in
from pages.ui import labels, language, number_box
from pages.ui import text as _

AGES = ("1h", "24h", "7d", "30d")
RUNS_OFFERED = 20
# Larger than any number that is stored.
LARGEST = Decimal(10) ** 18


def edited_where_seen(
    name: str, *about: Any, menu: str = "filters", **more: Any
) -> Callable[[], None]:
    """Return the callback of ``edited_by`` that does nothing unless its menu was open.

    When the menu opens, a browser sends its widgets' values of when it closed, however long ago.
    """
    edit_field = edited_by(name, *about, **more)

    def edit_what_is_seen() -> None:
        if st.session_state.get(f"_{name}_{menu}_were_open"):
            edit_field()

    return edit_what_is_seen


def filter_edited(
    name: str,
    key: str,
    field: str,
    column: str,
    convert: Callable[[Any], Any] = lambda value: value,
    *,
    options: Collection[object] | None = None,
) -> Callable[[], None]:
    """Return the callback of a widget that edits the filter by one column."""

    def filters(value: Any) -> Mapping[str, Any]:
        return with_filter(getattr(view_state.current(name), field), column, convert(value))

    return edited_where_seen(name, key, field, filters, options=options)


def of_column(dataset: Dataset, column: Column, view: View, query: Query) -> None:
    """Show every filter by a column, except for the one that is always shown."""
    shown = column.filter
    for way in column.filters:
        if way is Filter.CHOICE:
            choice(dataset, column, view, query, field="excluded")
        elif way is Filter.RANGE:
            if way is not shown:
                number_range(dataset, column, view)
            number_range(dataset, column, view, field="outside")
        elif way is Filter.CONTAINS:
            _part_of_text(dataset, column, view)
        elif way is Filter.SINCE:
            if way is not shown:
                since(dataset, column, view)
            _run_and_until(dataset, column, view)
        elif way is not shown:
            presence(dataset, column, view)


def choice(
    dataset: Dataset, column: Column, view: View, query: Query, *, field: str = "choices"
) -> None:
    """Show the values of a column with counts: those that it has, or those ``excluded``."""
    found = ui.application().reader.list_values(dataset, column.name, query.without_order())
    counts, chosen = dict(found), getattr(view, field).get(column.name, ())
    options = [*counts, *(value for value in chosen if value not in counts)]
    is_not = field == "excluded"
    key = f"{dataset.name}_{column.address}{'_not' if is_not else ''}"
    label = _(column.filter_label)
    st.multiselect(
        _("{column}: none of these").format(column=label) if is_not else label,
        options,
        key=choose_in(key, list(chosen)),
        format_func=lambda value: f"{value} ({language().number(counts.get(value, 0))})",
        placeholder=_("None")
        if is_not
        else _("All ({n})").format(n=language().number(len(counts))),
        on_change=filter_edited(dataset.name, key, field, column.name, tuple, options=options),
    )


def number_range(dataset: Dataset, column: Column, view: View, *, field: str = "ranges") -> None:
    """Show both ends of a range: the one that values are in, or ``outside`` of."""
    bounds = ui.application().reader.bounds(dataset, column.name)
    ends = getattr(view, field).get(column.name, (None, None))
    is_not = field == "outside"
    said = (
        (_("{column} not from"), _("{column} not to"))
        if is_not
        else (_("{column} from"), _("{column} to"))
    )
    with st.container(horizontal=True):
        for number, (label, end_name, bound) in enumerate(
            zip(said, ("low", "high"), bounds, strict=True)
        ):
            key = f"{dataset.name}_{column.address}_{'not_' if is_not else ''}{end_name}"
            end = ends[number]
            number_box.show(
                label.format(column=labels.label_with_unit(column)),
                key=show_in(key, number_box.typed(end)),
                placeholder=_bound(bound, column),
                width=150,
                on_change=filter_edited(
                    dataset.name,
                    key,
                    field,
                    column.name,
                    partial(_with_end, dataset.name, field, column.name, number),
                ),
            )


def _bound(bound: float | None, column: Column) -> str | None:
    """Return the smallest or largest value in the form in which it can be typed."""
    return None if bound is None else number_box.typed(Decimal(repr(bound)) / column.scale)


def _with_end(name: str, field: str, column: str, number: int, typed: str | None) -> Range:
    """Return the range with the end that was typed."""
    end = number_box.parse_number(typed)
    if end is not None and abs(end) > LARGEST:
        end = None
    low, high = getattr(view_state.current(name), field).get(column, (None, None))
    return (low, end) if number else (end, high)


def _part_of_text(dataset: Dataset, column: Column, view: View) -> None:
    """Show two boxes: what a text contains, and what it does not contain."""
    said = {"contains": _("{column} contains"), "lacks": _("{column} does not contain")}
    with st.container(horizontal=True):
        for field, label in said.items():
            key = f"{dataset.name}_{column.address}_{field}"
            st.text_input(
                label.format(column=labels.column_label(column)),
                key=show_in(key, getattr(view, field).get(column.name, "")),
                max_chars=TEXT_CHARS,
                width=200,
                on_change=filter_edited(dataset.name, key, field, column.name),
            )


def since(dataset: Dataset, column: Column, view: View) -> None:
    """Show a choice of ages and a date input for one filter; one of the two is empty."""
    name, label = dataset.name, _(column.filter_label)
    said = view.since.get(column.name, "")
    age_key, day_key = f"{name}_{column.address}_age", f"{name}_{column.address}_day"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # An address may contain an age or a run that is not among the usual ones.
        usual = (*AGES, LAST_RUN)
        ages = usual if not said or said in usual or is_day(said) else (*usual, said)
        st.selectbox(
            label,
            ages,
            index=None,
            key=choose_in(age_key, said if said in ages else None),
            format_func=moment_in_words,
            placeholder=_("Any time"),
            width=150,
            on_change=filter_edited(name, age_key, "since", column.name, options=ages),
        )
        _day(dataset, column, view, "since", key=day_key, label=label, is_label_shown=False)


def _day(
    dataset: Dataset,
    column: Column,
    view: View,
    field: str,
    *,
    key: str,
    label: str,
    is_label_shown: bool,
) -> None:
    said = getattr(view, field).get(column.name, "")
    st.date_input(
        _("{label} (day)").format(label=label),
        value=None,
        key=show_in(key, date.fromisoformat(said) if is_day(said) else None),
        min_value=date(1970, 1, 1),
        max_value=date(9999, 12, 31),
        format="DD/MM/YYYY",
        label_visibility="visible" if is_label_shown else "collapsed",
        width=150,
        on_change=filter_edited(
            dataset.name,
            key,
            field,
            column.name,
            lambda day: None if day is None else str(day),
        ),
    )


def _run_and_until(dataset: Dataset, column: Column, view: View) -> None:
    """Show a choice of the run since which rows are of that time, and the last day."""
    name, words = dataset.name, language()
    good = [status for status in RunStatus if status.is_good]
    runs = ui.application().store.list_runs(dataset=name, statuses=good, limit=RUNS_OFFERED)
    began = {f"run{run.id}": run.started_at for run in runs}
    said, key = view.since.get(column.name, ""), f"{name}_{column.address}_run"
    options = [*began, *([said] if is_run(said) and said not in began else [])]

    def shown(run: str) -> str:
        at = f" · {words.moment(began[run], seconds=False)}" if run in began else ""
        return f"{moment_in_words(run)}{at}"

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("{label} a run").format(label=_(column.filter_label)),
            options,
            index=None,
            key=choose_in(key, said if said in options else None),
            format_func=shown,
            placeholder=_("Any run"),
            width=200,
            on_change=filter_edited(name, key, "since", column.name, options=options),
        )
        label = _("{column} until").format(column=labels.column_label(column))
        day_key = f"{name}_{column.address}_until"
        _day(dataset, column, view, "until", key=day_key, label=label, is_label_shown=True)


def presence(dataset: Dataset, column: Column, view: View) -> None:
    """Show whether a column has a value."""
    key = f"{dataset.name}_{column.address}"
    key = key if column.filter is Filter.PRESENCE else f"{key}_empty"
    options = {"all": None, "yes": True, "no": False}
    said = {"all": _("All"), "yes": _("Has one"), "no": _("Has none")}
    present = view.presence.get(column.name)
    st.radio(
        _(column.filter_label) if column.filter is Filter.PRESENCE else labels.column_label(column),
        list(said),
        key=choose_in(key, next(o for o, is_there in options.items() if is_there is present)),
        horizontal=True,
        format_func=lambda option: said[option],
        on_change=filter_edited(
            dataset.name, key, "presence", column.name, options.get, options=options
        ),
    )
