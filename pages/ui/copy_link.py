"""A button that copies the address of the page: as the browser has it, behind a proxy too."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.session import text as _

HTML = '<button type="button"></button><span role="status"></span>'
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
    "ecommerce_copy_link",
    html=HTML,
    css=CSS,
    js=(Path(__file__).parent / "copy_link.js").read_text("utf-8"),
)


def show(key: str) -> None:
    """Show the button."""
    words = {
        "label": _("Copy link"),
        "help": _("Copies the address of this page: whoever opens it sees the same."),
        "done": _("Copied"),
        "failed": _("Your browser did not copy"),
    }
    _button(key=key, data=words)
