"""An operator's actions on a dataset: fetch, clear and undo; and the text for an empty one."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ecommerce_core.domain import Action, RunStatus, Totals, Trigger
from pages import ui
from pages.runs import run_requests, run_summary
from pages.ui import dialogs, labels, language
from pages.ui import text as _


def show(name: str, totals: Totals) -> None:
    """Show the buttons, if the visitor may use them. Raises StoreError."""
    if not ui.may_change():
        ui.note_for_analysts()
        return
    word = labels.dataset_label(name)
    rows = totals.current + totals.withdrawn
    st.button(
        _("Fetch {dataset}").format(dataset=word),
        key=f"fetch_{name}",
        type="primary",
        icon=":material/sync:",
        on_click=run_requests.fetch,
        args=(name,),
    )
    st.button(
        _("Clear all {dataset}…").format(dataset=word),
        key=f"clear_{name}",
        icon=":material/delete_sweep:",
        disabled=not rows,
        on_click=_ask_to_clear,
        args=(name,),
    )
    if dialogs.asked() == ("clear", name):
        # One that was not shown must not open later.
        if rows:
            _confirm_clear(name, totals)
        else:
            dialogs.close()
    _undo_apply(name)
    undo_button(name)


def undo_button(name: str) -> None:
    """Show the button that undoes a clear, as long as that is possible. Raises StoreError."""
    app = ui.application()
    undoable = app.undoable_rows(name)
    if undoable:
        st.button(
            language().plural("Undo clear ({count} row)", "Undo clear ({count} rows)", undoable),
            key=f"undo_clear_{name}",
            icon=":material/undo:",
            on_click=lambda: run_requests.attempt(
                name,
                lambda: app.undo_clear(name, actor=ui.actor(), trigger=Trigger.MANUAL),
                lambda count: language().plural(
                    "{count} row restored.", "{count} rows restored.", count
                ),
            ),
        )


def _undo_apply(name: str) -> None:
    """Show the button that takes an applied held answer back. Raises StoreError."""
    app = ui.application()
    applied = app.applied_run(name)
    if applied is None:
        return

    def done(_rows: int) -> str:
        return _("Undone: the rows are as they were before the held answer.")

    st.button(
        _("Undo the applied answer (run {id})").format(id=applied.id),
        key=f"undo_apply_{name}",
        icon=":material/undo:",
        help=run_summary.summary(applied),
        on_click=lambda: run_requests.attempt(
            name,
            lambda: app.undo_apply(name, actor=ui.actor(), trigger=Trigger.MANUAL),
            done,
        ),
    )


def _ask_to_clear(name: str) -> None:
    dialogs.note("clear", name)


def _confirm_clear(name: str, totals: Totals) -> None:
    rows, withdrawn = totals.current + totals.withdrawn, totals.withdrawn
    word = labels.dataset_label(name)

    def body() -> None:
        text = language().plural(
            "This removes {count} row from our database.",
            "This removes {count} rows from our database.",
            rows,
        )
        st.write(text)
        if withdrawn:
            st.write(
                language().plural(
                    "{count} of them is withdrawn.", "{count} of them are withdrawn.", withdrawn
                )
            )
        st.caption(_("The source is not changed. You can undo this until the next fetch."))
        label = language().plural("Clear {count} row", "Clear {count} rows", rows)
        icon = ":material/delete_sweep:"
        dialogs.confirm(label, f"clear_{name}", icon, lambda: _clear(name, rows))

    dialogs.show(_("Clear all {dataset}?").format(dataset=word), body)


def _clear(name: str, confirmed_rows: int) -> None:
    """Callback: clear as many rows as were confirmed, or ask again if more came meanwhile."""
    app = ui.application()
    totals = app.reader.totals(app.datasets[name])
    if totals.current + totals.withdrawn > confirmed_rows:
        ui.flash(_("More rows have arrived since: please confirm again."))
        dialogs.note("clear", name)
        return

    def done(count: int) -> str:
        return language().plural(
            "Cleared {count} row. You can undo this until the next fetch.",
            "Cleared {count} rows. You can undo this until the next fetch.",
            count,
        )

    clear = partial(app.clear, name, actor=ui.actor(), trigger=Trigger.MANUAL)
    run_requests.attempt(name, clear, done)


def empty(name: str) -> None:
    """Show a text in place of the rows. Raises StoreError."""
    word = labels.dataset_label(name)
    last = ui.application().store.last_run(name)
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        cleared = last is not None and last.action is Action.CLEAR
        heading = _("No {dataset}") if cleared else _("No {dataset} yet")
        st.header(heading.format(dataset=word), anchor=False, width="content")
        if not ui.may_change():
            text = _("An operator can fetch them from {peer}.")
        elif cleared:
            text = _("The rows were cleared. Fetch again, or undo the clear.")
        elif last is not None and last.status is RunStatus.FAILED:
            text = _("Nothing could be fetched so far; the reason is shown above.")
        else:
            text = _("Fetch them from {peer}. It takes a moment and can be repeated at any time.")
        peer = ui.escape(ui.application().datasets[name].peer)
        st.markdown(text.format(peer=peer), width="content", text_alignment="center")
