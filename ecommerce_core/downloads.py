"""Files that pages offer: kept long enough for a slow browser to fetch them."""

from __future__ import annotations

import threading
from typing import Protocol

KEPT_S = 15.0


class Files(Protocol):
    """Streamlit's ``MediaFileManager``, as far as it is used here."""

    def remove_orphaned_files(self) -> None: ...


def keep_a_while(files: Files) -> None:
    """Let what no page offers any more be removed KEPT_S seconds later, and no more often.

    Streamlit removes a file that was made as one clicked with the second clean-up after it, and
    cleans up at the end of every script of every session. With timers on all pages that is
    several times a second, and the file was gone before a slow browser asked for it.
    """
    clean_up = files.remove_orphaned_files
    lock, is_due = threading.Lock(), False

    def clean_up_later() -> None:
        nonlocal is_due
        with lock:
            was_due, is_due = is_due, True
        if not was_due:
            timer = threading.Timer(KEPT_S, clean_up_now)
            timer.daemon = True
            timer.start()

    def clean_up_now() -> None:
        nonlocal is_due
        with lock:
            is_due = False
        clean_up()

    files.remove_orphaned_files = clean_up_later  # type: ignore[method-assign]
