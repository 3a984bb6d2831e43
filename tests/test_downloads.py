"""Files that pages offer, in Streamlit's own manager of them."""

from __future__ import annotations

import time

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from ecommerce_core import downloads
from tests.waiting import until


def offered_file(files: MediaFileManager) -> str:
    """The name of a file that was made as one clicked."""
    promised = files.add_deferred(lambda: b"code;price", "text/csv", "1.0", "products.csv")
    return files.execute_deferred(promised).rpartition("/")[2]


def is_there(storage: MemoryMediaFileStorage, name: str) -> bool:
    try:
        storage.get_file(name)
    except MediaFileStorageError:
        return False
    return True


def test_a_file_outlives_the_ends_of_many_scripts_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(downloads, "KEPT_S", 0.3)
    storage = MemoryMediaFileStorage("/media")
    files = MediaFileManager(storage)
    downloads.keep_a_while(files)
    name = offered_file(files)

    for _script in range(5):
        files.remove_orphaned_files()
    assert is_there(storage, name)
    time.sleep(0.4)
    assert is_there(storage, name)

    files.remove_orphaned_files()  # the last one: nobody looks any more
    until(lambda: not is_there(storage, name))
