"""The one application of this process, for its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecommerce_core.application import Application


@dataclass(frozen=True)
class _Current:
    application: Application
    pages: Mapping[str, Path] = field(default_factory=dict)


_current_application: list[_Current] = []


def install(application: Application | None, *, pages: Mapping[str, Path] | None = None) -> None:
    """Make ``application`` the one that this process's pages use; None removes it.

    ``pages`` are the scripts of datasets, by name, that are not in ``pages/`` under that name.
    """
    _current_application[:] = [] if application is None else [_Current(application, pages or {})]


def current() -> Application:
    """Return the application of this process. Raises RuntimeError if the server installed none."""
    return _current().application


def page_of(name: str) -> str:
    """Return the script of a dataset's page, for Streamlit's links and navigation."""
    return str(_current().pages.get(name, f"{name}.py"))


def _current() -> _Current:
    if not _current_application:
        raise RuntimeError("no application is installed: start with `streamlit run dashboard.py`")
    return _current_application[0]
