"""Keep the address in the browser in step with the view of a dataset's page.

The address follows the view's edits. An address from outside (a shared link, the back button)
becomes the view.
"""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Dataset, View, format_address, parse_address
from pages.dataset import selection, view_state
from pages.ui import address, escape
from pages.ui import text as _


def arrive(dataset: Dataset) -> View:
    """Return the view for this run of the page; show a note on invalid parts of the address."""
    name, state = dataset.name, st.session_state
    said = address.asked()
    came = state.get("_address_of_visit") != address.visit()
    if came:
        state[f"_{name}_came"] = True
    restored = came and not said and f"_{name}_view" in state
    # An edit made when the page was left does not override a link that leads back to it.
    edited = state.get(f"_{name}_edited") and not (said and came)
    if edited or restored or (not came and not address.may_tell()):
        said = address.replace(format_address(view_state.current(name), dataset))
    elif came or said != state.get("_address_seen"):
        view, ignored = parse_address(said, dataset)
        state[f"_{name}_view"], state[f"_{name}_ignored"] = view, ignored
        selection.forget(name)
    state["_address_seen"], state["_address_of_visit"] = said, address.visit()
    state[f"_{name}_edited"] = False
    note = st.container()  # may appear and disappear: the elements below keep their position
    if left_out := state.get(f"_{name}_ignored"):
        text = _("Ignored in the address: {what}.").format(what=escape(", ".join(left_out)))
        note.caption(f":material/link_off: {text}")
    return view_state.begin(name)
