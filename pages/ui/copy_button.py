"""A button that copies a text, or the address of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

from pages.ui import address
from pages.ui.session import text as _

# Nobody meets the button before it has its words.
HTML = '<button type="button" hidden></button><span role="status"></span>'
CSS = """
button {
  font: inherit; font-family: var(--st-font); font-size: 0.875rem; cursor: pointer;
  min-height: 2.5rem; padding: 0.25rem 0.75rem; white-space: nowrap; width: 100%;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
}
button:hover, button:focus-visible {
  color: var(--st-link-color); border-color: var(--st-link-color);
}
[role=status] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
"""

_button = st.components.v2.component(
    "ecommerce_copy",
    html=HTML,
    css=CSS,
    js=(Path(__file__).parent / "copy_button.js").read_text("utf-8"),
)


def show(
    label: str,
    *,
    key: str,
    help: str,  # noqa: A002 - as Streamlit's own buttons call it
    text: str | None = None,
    width: Literal["content", "stretch"] = "stretch",
) -> None:
    """Show the button. Without ``text`` it copies the address that the browser shows.

    The language of the address is left out: it is of the person who copies, and not of the rows.
    """
    data = {
        "label": label,
        "help": help,
        "done": _("Copied"),
        "failed": _("Your browser did not copy"),
        "text": text,
        "left_out": address.LANGUAGE,
    }
    _button(key=key, data=data, width=width)
