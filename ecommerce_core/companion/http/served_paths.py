"""The paths that the server answers: our routes, the pages, and Streamlit's files for pages.

An allow-list, because Streamlit answers any other path with its start page and status 200, and has
routes that no page uses: file uploads of 200 MB, its own metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# The path that all addresses of the server begin with.
PREFIX = "/ecommerce"
# The other pages besides those of datasets, after the prefix; the overview is at the prefix itself.
PAGES = ("", "scheduler", "activity", "explore", "help")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Each visit asks for these below the page's own address, too, before it finds the server above it.
_SEARCHED = ("_stcore/health", "_stcore/host-config")
# The paths that a page loads from Streamlit's server, after the prefix.
_FILES = ("favicon.png", "manifest.json", *_SEARCHED)
_SOCKET = "_stcore/stream"
_FOLDERS = ("static/", "media/", "_stcore/bidi-components/")
_SIGN_IN = ("auth/login", "auth/logout", "oauth2callback")
_AGENT_API = ("interact", "openapi.json", "mcp")


def holds_control_characters(path: str) -> bool:
    """Return True if a decoded path holds a control character, which no path of ours does.

    Patterns of routes match a path that ends in a newline, and an exact comparison does not: such a
    path must reach neither.
    """
    return _CONTROL.search(path) is not None


class ServedPaths:
    """The paths that are served; the others are answered with 404.

    ``routes`` are our own, with whole paths; ``dataset_pages`` the names of datasets, each of which
    has a page; ``sockets`` those that are WebSockets. ``with_sign_in`` and ``with_agent_api`` add
    Streamlit's routes for these.
    """

    def __init__(
        self,
        routes: Iterable[str],
        *,
        dataset_pages: Iterable[str] = (),
        sockets: Iterable[str] = (),
        with_sign_in: bool = False,
        with_agent_api: bool = False,
    ) -> None:
        pages = [f"{PREFIX}/{page}" for page in (*PAGES, *dataset_pages)]
        # Streamlit redirects a page's address with a slash at its end.
        self._pages = frozenset([*pages, *(f"{page}/" for page in pages if page[-1] != "/")])
        more = [*_FILES]
        more += _SIGN_IN if with_sign_in else ()
        more += [f"_stcore/agent/{name}" for name in _AGENT_API] if with_agent_api else ()
        self._exact = frozenset([*routes, *(f"{PREFIX}/{path}" for path in more)])
        self._sockets = frozenset([f"{PREFIX}/{_SOCKET}", *sockets])
        self._folders = tuple(f"{PREFIX}/{folder}" for folder in _FOLDERS)
        self._searches = frozenset(f"{page}/{name}" for page in pages for name in _SEARCHED)
        self._searches -= self._exact

    def is_page(self, path: str) -> bool:
        """Return True for the address of a page, with or without a slash at its end."""
        return path in self._pages

    def is_file(self, path: str) -> bool:
        """Return True for a path in a folder that pages load from, where a file can be missing."""
        return path.startswith(self._folders) and not path.endswith("/")

    def is_search(self, path: str) -> bool:
        """Return True for a path at which each visit looks for the server in vain: below a page."""
        return path in self._searches

    def serves(self, path: str, *, is_socket: bool = False) -> bool:
        """Return True if the path is served, as a WebSocket or else by HTTP."""
        if is_socket:
            return path in self._sockets
        return path in self._pages or path in self._exact or self.is_file(path)
