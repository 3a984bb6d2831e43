"""The private parts of Streamlit that pages need: all of them are here, and nowhere else.

Each says why there is no public way, and what happens if a version of Streamlit removes or changes
it: something that is safe. ``tests/pages/test_streamlit_private.py`` checks them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


def is_agent_session() -> bool:
    """Return True if a program drives this session through Streamlit's agent API or MCP.

    ``streamlit.elements.lib.agent_spec.is_recording``. Headers and the user agent can be forged,
    and Streamlit documents no way to distinguish an agent from a browser. If it is missing, every
    session counts as an agent's: people lose what operators may do, and no program gains it.
    """

    def ask() -> bool:
        from streamlit.elements.lib import agent_spec

        return agent_spec.is_recording() is not False

    return _ask("agents cannot be told from people, who are treated as agents", ask, safe=True)


def is_history_navigation() -> bool:
    """Return True if this script runs for the browser's back or forward button.

    ``get_script_run_ctx().is_history_navigation``. The address alone does not say whether a visitor
    went back to it or the browser has not yet received a new one. If it is missing, a step back on
    one page is not followed, and the address is set again to what the page shows.
    """

    def ask() -> bool:
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        context = get_script_run_ctx()
        return context is not None and context.is_history_navigation is True

    return _ask("steps in a browser's history cannot be told from old addresses", ask, safe=False)


_told: set[str] = set()


def _ask(lost: str, ask: Callable[[], bool], *, safe: bool) -> bool:
    try:
        return ask()
    except (ImportError, AttributeError, TypeError) as error:
        if lost not in _told:
            _told.add(lost)
            logger.error("%s: %s", lost, error)
        return safe
