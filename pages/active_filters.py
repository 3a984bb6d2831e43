"""The filters that hold: what each says, and the button that takes it away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.address import NO_FILTERS, Shape, View
from ecommerce_core.query import Withdrawn
from ecommerce_core.ui import language
from pages.view_state import edit


def _(message: str) -> str:
    return language().text(message)


def named(label: str, value: str) -> str:
    """``Family: TV``, with the space before the colon that French wants."""
    return _("{label}: {value}").format(label=label, value=value)


def age_in_words(age: str) -> str:
    """``7d`` as people say it."""
    return language().duration(int(age[:-1]) * (3_600 if age.endswith("h") else 86_400))


def list_active(shape: Shape, view: View) -> list[tuple[str, dict[str, Any]]]:
    """Each filter that holds: what it says, and the edit that takes it away."""
    words, found = language(), list[tuple[str, dict[str, Any]]]()
    for value in view.chosen if shape.choice else ():
        left = tuple(other for other in view.chosen if other != value)
        found.append((named(words.word(shape.choice or ""), value), {"chosen": left}))
    if view.low is not None or view.high is not None:
        is_money = shape.range_column.endswith("_cents")
        ends = [
            "…" if end is None else words.money(end * 100) if is_money else words.points(end)
            for end in (view.low, view.high)
        ]
        text = named(words.word(shape.range_column), "–".join(ends))
        found.append((text, {"low": None, "high": None}))
    if view.withdrawn is not Withdrawn.HIDE:
        text = _("Withdrawn too") if view.withdrawn is Withdrawn.SHOW else _("Only withdrawn")
        found.append((text, {"withdrawn": Withdrawn.HIDE}))
    for field, label in (("new", _("New since")), ("changed", _("Changed since"))):
        since: str = getattr(view, field)
        if since:
            is_day = since.count("-") == 2
            found.append((named(label, since if is_day else age_in_words(since)), {field: ""}))
    if view.present is not None and shape.presence:
        text = _("With {what}") if view.present else _("Without {what}")
        found.append((text.format(what=words.word(shape.presence).lower()), {"present": None}))
    return found


def show(shape: Shape, view: View) -> None:
    """The filters that hold, each a button that takes it away."""
    found = list_active(shape, view)
    if not found:
        return
    with st.container(horizontal=True, gap="xsmall", key=f"{shape.name}_active"):
        for number, (text, without) in enumerate(found):
            st.button(
                ui.escape(text),
                key=f"drop_filter_{shape.name}_{number}",
                icon=":material/close:",
                icon_position="right",
                help=_("Take this filter away"),
                on_click=edit,
                args=(shape.name,),
                kwargs=without,
            )
        if len(found) > 1:
            st.button(
                _("Clear all filters"),
                key=f"clear_active_{shape.name}",
                type="tertiary",
                icon=":material/filter_alt_off:",
                on_click=edit,
                args=(shape.name,),
                kwargs=NO_FILTERS,
            )
