"""Taking rows away as a file: the menu, and how far a large file is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.dataset import Dataset
from ecommerce_core.query import Query
from ecommerce_core.ui import escape, language
from pages.exports import AT_ONCE_ROWS, FORMATS, Export, at_once, begin, give_up


def _(message: str) -> str:
    return language().text(message)


def show(dataset: Dataset, query: Query, count: Callable[[], int]) -> None:
    """The menu: what a file would hold, and a button for each format."""
    words, label = language(), _("Export")
    key, icon = f"export_{dataset.name}", ":material/download:"
    popover = st.popover(label, icon=icon, key=key, on_change="rerun")
    if not popover.open:
        return
    matching = count()
    with popover:
        text = words.plural("{count} row that matches", "All {count} rows that match", matching)
        st.caption(text)
        for file_format, label in FORMATS.items():
            look: dict[str, Any] = {
                "key": f"export_{dataset.name}_{file_format}",
                "icon": ":material/download:",
                "width": "stretch",
            }
            if matching <= AT_ONCE_ROWS:
                st.download_button(
                    label,
                    at_once(dataset, query, file_format),
                    file_name=ui.export_file_name(dataset, file_format, datetime.now(UTC)),
                    mime=ui.MIME_TYPES[file_format],
                    on_click="ignore",
                    **look,
                )
            else:
                st.button(
                    _("Prepare {format}").format(format=label),
                    on_click=begin,
                    args=(dataset, query, file_format, matching),
                    **look,
                )


def watch(name: str) -> None:
    """The file in the making, if there is one: how far it is, or the button that takes it."""
    export: Export | None = st.session_state.get(f"_{name}_export")
    if export is None or export.future is None:
        return
    done = export.future.done()
    ui.fragment(run_every_s=None if done else 0.5)(_progress)(name, export, was_done=done)


def _progress(name: str, export: Export, *, was_done: bool) -> None:
    future, words = export.future, language()
    if future is None or export.given_up:
        return
    if future.done() and not was_done:
        st.rerun()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if not future.done():
            text = _("Preparing {file}: {done} of {total} rows").format(
                file=escape(export.name),
                done=words.number(export.done),
                total=words.number(export.total),
            )
            st.progress(min(1.0, export.done / export.total), text, width="stretch")
        elif (error := future.exception()) is not None:
            _failed(export, error)
        else:
            _ready(name, export)
        st.button(
            _("Give it up"),
            key=f"give_up_export_{name}",
            icon=":material/close:",
            type="tertiary",
            on_click=give_up,
            args=(name,),
        ) and st.rerun()


def _failed(export: Export, error: BaseException) -> None:
    text = _("{file} could not be prepared.").format(file=escape(export.name))
    said = ui.sentence(language().error(error)) if isinstance(error, ui.EcommerceError) else ""
    st.error(f"{text} {said}", icon=":material/error:")


def _ready(name: str, export: Export) -> None:
    export.file.seek(0, 2)
    size = language().size(export.file.tell())
    text = _("{file} is ready: {n} rows, {size}.").format(
        file=escape(export.name), n=language().number(export.done), size=size
    )
    st.markdown(f":material/check_circle: {text}", width="stretch")

    def read() -> bytes:
        export.file.seek(0)
        return export.file.read()

    st.download_button(
        _("Download"),
        read,
        file_name=export.name,
        mime=export.mime,
        key=f"take_export_{name}",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
