"""The one application of this process, where its pages find it."""

from __future__ import annotations

from ecommerce_core.application import Application

_installed: list[Application] = []


def install(application: Application | None) -> None:
    """Make ``application`` the one that this process's pages use; None takes it away."""
    _installed[:] = [] if application is None else [application]


def current() -> Application:
    """The application of this process. Raises RuntimeError where the server installed none."""
    if not _installed:
        raise RuntimeError("no application is installed: start with `streamlit run dashboard.py`")
    return _installed[0]
