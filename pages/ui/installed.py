"""The one application of this process, where its pages find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecommerce_core.application import Application


@dataclass(frozen=True)
class _Installed:
    application: Application
    pages: Mapping[str, Path] = field(default_factory=dict)


_installed: list[_Installed] = []


def install(application: Application | None, *, pages: Mapping[str, Path] | None = None) -> None:
    """Make ``application`` the one that this process's pages use; None takes it away.

    ``pages`` are the scripts of datasets, by name, that do not stand in ``pages/`` under that name.
    """
    _installed[:] = [] if application is None else [_Installed(application, pages or {})]


def current() -> Application:
    """The application of this process. Raises RuntimeError where the server installed none."""
    return _current().application


def page_of(name: str) -> str:
    """The script of a dataset's page, as Streamlit's links and navigation take it."""
    return str(_current().pages.get(name, f"{name}.py"))


def _current() -> _Installed:
    if not _installed:
        raise RuntimeError("no application is installed: start with `streamlit run dashboard.py`")
    return _installed[0]
