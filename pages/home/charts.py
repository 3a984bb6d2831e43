"""The overview's two pictures: how many products of each family, and how prices spread."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ecommerce_core.domain import Query
from pages import ui
from pages.dataset import reads
from pages.ui import charts, language, visits
from pages.ui import text as _

FAMILIES, HEIGHT = 8, 240
KEY = "overview_families"


def show() -> None:
    """Both pictures, in cells of the grid around them; nothing while there are no products.

    Raises StoreError.
    """
    dataset = ui.application().datasets["products"]
    families = reads.values(dataset, "family", Query())
    bins = reads.histogram(dataset, "price_cents", Query())
    if not families:
        return
    with st.container(border=True, height="stretch"):
        _families(families)
    with st.container(border=True, height="stretch"):
        _prices(bins)


def _families(found: list[tuple[str, int]]) -> None:
    words = language()
    st.markdown(f"**{_('Products by family')}**")
    top = found[:FAMILIES]
    said = [f"{name}: {words.number(count)}" for name, count in top]
    frame = pd.DataFrame(
        {
            "name": [name for name, _count in top],
            "count": [count for _name, count in top],
            "said": said,
            "chosen": True,
        }
    )
    alt = f"{_('Products by family')}: {', '.join(said)}"
    charts.bars(frame, alt=alt, height=HEIGHT, key=KEY, on_pick=_open_family)


def _open_family() -> None:
    """Callback: the products of the family that was clicked."""
    picked = st.session_state[KEY]["selection"].get("picked") or []
    name = next((point["name"] for point in picked if "name" in point), None)
    if name is not None:
        asked = {**visits.language_in_address(), "family": name}
        st.switch_page("products.py", query_params=asked)


def _prices(bins: list[tuple[float, float, int]]) -> None:
    words = language()
    text = _("Distribution: {column}").format(column=words.word("price_cents").lower())
    st.markdown(f"**{text}**")
    said = [f"{words.money(low)}–{words.money(high)}: {words.number(n)}" for low, high, n in bins]
    frame = pd.DataFrame(
        {
            "low": [low / 100 for low, _high, _n in bins],
            "high": [high / 100 for _low, high, _n in bins],
            "count": [n for _low, _high, n in bins],
            "said": said,
        }
    )
    most = max(range(len(bins)), key=lambda index: bins[index][2])
    label = f"{words.word('price_cents')} (€)"
    charts.histogram(frame, label=label, alt=f"{text}; {said[most]}", height=HEIGHT)
