"""The views that people keep: in the sidebar of a dataset's page."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import streamlit as st

from ecommerce_core.datasets import Dataset, format_address, parse_address
from ecommerce_core.domain import NAME_CHARS, Permission, SavedView
from pages import ui
from pages.dataset import view_state
from pages.ui import copy_button, dialogs, escape, session
from pages.ui import text as _
from pages.ui.session import EcommerceError

# Parts of an address that are where one is, and not what one asks.
_PLACE = frozenset({"page", "row"})


def show(dataset: Dataset) -> None:
    """Show the views of this person and those for all, and the buttons that keep them."""
    with st.sidebar, ui.guarded():
        st.markdown(f"**{_('Views')}**")
        views = ui.application().views.list_for(dataset.name, actor=ui.actor())
        for view in views:
            st.button(
                escape(view.name),
                key=f"open_view_{dataset.name}_{view.id}",
                icon=":material/group:" if view.is_for_all else ":material/bookmark:",
                type="tertiary",
                on_click=_open,
                args=(dataset, view),
            )
        may_save = ui.actor().may(Permission.EXPLORE) and not session.is_agent()
        if may_save:
            with st.container(horizontal=True, gap="xsmall"):
                _save_menu(dataset)
                _edit_menu(dataset, views)
        copy_button.show(
            _("Copy link"),
            key=f"copy_link_{dataset.name}",
            help=_(
                "Copies the address of this page: whoever opens it sees the same, in their own "
                "language."
            ),
        )
    asked, number = dialogs.asked()
    if asked == "delete_view":
        _confirm_delete(next((one for one in views if str(one.id) == number), None))


def query_here(dataset: Dataset) -> str:
    """Return the query string of the page's address, without page and opened row."""
    said = format_address(view_state.current(dataset.name), dataset)
    return urlencode({n: value for n, value in said.items() if n not in _PLACE}, doseq=True)


def _open(dataset: Dataset, saved: SavedView) -> None:
    """Callback: show what a view asks."""
    said = parse_qs(saved.query, keep_blank_values=True)
    view, ignored = parse_address(said, dataset)
    view_state.replace_view(dataset.name, view, ignored)


def _menu(label: str, icon: str, key: str) -> st.delta_generator.DeltaGenerator:
    """Return a menu that ``_close`` closes."""
    with st.container(key=key, width="content"):  # its key stays
        return st.popover(label, icon=icon, key=f"{key}_{st.session_state.get(f'_{key}', 0)}")


def _close(menu: str) -> None:
    """Callback: draw the menu as another element, which is closed.

    Setting the popover's own state is not enough: a browser that opened it and was not told so yet
    sees no difference, and leaves it open.
    """
    st.session_state[f"_{menu}"] = st.session_state.get(f"_{menu}", 0) + 1


def _save_menu(dataset: Dataset) -> None:
    name = dataset.name
    key, menu = f"view_name_{name}", f"save_view_menu_{name}"
    with _menu(_("Save view"), ":material/bookmark_add:", menu):
        st.text_input(_("Name of the view"), key=key, max_chars=NAME_CHARS)
        can_share = ui.actor().may(Permission.CHANGE) and bool(ui.actor().name)
        all_key = f"view_for_all_{name}"
        if can_share:
            st.checkbox(_("For all"), key=all_key, help=_("Everybody sees it on this page."))
        if not ui.actor().name:
            st.caption(_("Nobody signs in here: everybody sees it."))
        st.button(
            _("Save"),
            key=f"save_view_{name}",
            on_click=lambda: _attempt(
                lambda: ui.application().views.save(
                    name,
                    st.session_state.get(key) or "",
                    query_here(dataset),
                    actor=ui.actor(),
                    # What it is when it is clicked: the box may have been ticked just before.
                    is_for_all=bool(st.session_state.get(all_key)) or not ui.actor().name,
                ),
                _("View saved."),
                forgets=key,
                closes=menu,
            ),
        )


def _edit_menu(dataset: Dataset, views: list[SavedView]) -> None:
    name, kept = dataset.name, ui.application().views
    own = {view.id: view for view in views if kept.may_change(view, actor=ui.actor())}
    if not own:
        return
    menu = f"edit_view_menu_{name}"
    with _menu(_("Edit"), ":material/edit:", menu):
        key, name_key = f"edited_view_{name}", f"new_view_name_{name}"
        chosen = st.selectbox(
            _("View"),
            list(own),
            key=ui.choice(key, own, next(iter(own))),
            format_func=lambda number: own[number].name,
        )
        st.text_input(_("New name"), key=name_key, max_chars=NAME_CHARS)
        with st.container(horizontal=True):
            st.button(
                _("Rename"),
                key=f"rename_view_{name}",
                on_click=lambda: _attempt(
                    lambda: kept.rename(
                        chosen, st.session_state.get(name_key) or "", actor=ui.actor()
                    ),
                    _("View renamed."),
                    forgets=name_key,
                    closes=menu,
                ),
            )
            st.button(
                _("Delete…"),
                key=f"delete_view_{name}",
                icon=":material/delete:",
                on_click=_ask_to_delete,
                args=(chosen, menu),
            )


def _ask_to_delete(number: int | None, menu: str) -> None:
    """Callback: open the dialog, which takes the menu's place."""
    _close(menu)
    dialogs.note("delete_view", str(number))


def _confirm_delete(view: SavedView | None) -> None:
    if view is None:
        dialogs.close()
        return

    def body() -> None:
        who = _("It is gone for everybody.") if view.is_for_all else _("Only you see it.")
        st.write(who)
        dialogs.confirm(
            _("Delete the view"),
            "delete_view",
            ":material/delete:",
            lambda: _attempt(
                lambda: ui.application().views.delete(view.id, actor=ui.actor()),
                _("View deleted."),
            ),
        )

    dialogs.show(_("Delete the view {name}?").format(name=escape(view.name)), body)


def _attempt(
    act: Callable[[], object],
    done: str,
    *,
    forgets: str | None = None,
    closes: str | None = None,
) -> None:
    """Callback: do it, and say that it is done, or why not.

    Once it is done, the box ``forgets`` is emptied, and the menu ``closes`` is closed.
    """
    try:
        act()
    except EcommerceError as error:
        ui.flash(ui.sentence(error.fact), icon=":material/error:")
        return
    ui.flash(done)
    if forgets is not None:
        st.session_state[forgets] = ""
    if closes is not None:
        _close(closes)
