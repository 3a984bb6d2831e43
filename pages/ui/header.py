"""The head of every page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.runs import run_requests
from pages.schedule import missed_notice

HEAD = "page_head"
# On a phone the head takes several lines, which belong together.
LOOK = f"""<style>
.st-key-{HEAD} {{ row-gap: 0.25rem; }}
@media (max-width: 640px) {{ .st-key-{HEAD} {{ margin-bottom: -0.5rem; }} }}
</style>"""


def show(title: str, *, beside: Callable[[], None] | None = None) -> None:
    """Show the title, ``beside`` it on the same line, and below it what every page tells."""
    head = st.container(key=HEAD, horizontal=True, vertical_alignment="center", gap="small")
    with head:
        st.html(LOOK)
        st.title(title, anchor=False, width="content")
        if beside is not None:
            beside()
    # In a container of its own, since the browser recreates elements whose position changes, even a
    # box in which a visitor is typing.
    with st.container():
        missed_notice.show()
    run_requests.collect()
