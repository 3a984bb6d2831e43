"""Page through a journal: the newest entries, then older ones by number.

Not a list that grows with each click, which would be redrawn whole after every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.ui import text as _

PAGE_SIZE = 100
state = st.session_state


def before(name: str, filters: Mapping[str, object]) -> int | None:
    """Return the number before which this page of a journal ends, or None for the newest page.

    Other filters begin with the newest again.
    """
    asked, number = state.get(f"_{name}_before", (None, None))
    return number if asked == repr(filters) else None


def show(name: str, numbers: Sequence[int], filters: Mapping[str, object], *, label: str) -> None:
    """Show the buttons below a page: on to older entries (``label``), back to the newest."""
    with st.container(horizontal=True):
        if before(name, filters) is not None:
            st.button(
                _("Back to the newest"),
                key=f"newest_{name}",
                icon=":material/first_page:",
                on_click=_go,
                args=(name, filters, None),
            )
        if len(numbers) == PAGE_SIZE:
            st.button(
                label,
                key=f"older_{name}",
                icon=":material/history:",
                on_click=_go,
                args=(name, filters, numbers[-1]),
            )


def _go(name: str, filters: Mapping[str, object], number: int | None) -> None:
    state[f"_{name}_before"] = (repr(filters), number)
