"""What dataset pages read of the store, kept for all sessions until a run changes the dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.dataset import Dataset

Found = TypeVar("Found")
ENTRIES_KEPT = 300


# What raises is not kept.
@st.cache_data(max_entries=ENTRIES_KEPT, show_spinner=False)
def _kept(_read: Callable[[], Found], *about: str | int) -> Found:
    return _read()


def kept(dataset: Dataset, read: Callable[[], Found], *about: object) -> Found:
    """What ``read`` finds, or found when it was last asked ``about`` these rows. Raises StoreError.

    ``about`` says in full what is asked; what it is must be told by its ``repr``.
    """
    app = ui.application()
    version = app.store.rows_version(dataset)
    return _kept(read, str(app.settings.database), dataset.name, version, repr(about))
