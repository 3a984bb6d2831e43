"""The server: ``streamlit run dashboard.py``. Pages, companion and lifespan on one port."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import anyio.to_thread
import pyarrow
import streamlit as st
from starlette.middleware import Middleware

from ecommerce_core import logs
from ecommerce_core.application import Application
from ecommerce_core.companion import (
    PREFIX,
    Companion,
    SecurityHeaders,
    answer_unforeseen_error,
    check_exposure,
    read_providers,
    sign_in_routes,
)
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import EcommerceError, SettingsError
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import Settings
from pages.ui import current_application

NAVIGATION = Path(__file__).parent / "pages" / "navigation.py"

# A page releases the interpreter lock a hundred times, and waits up to this long to get it back
# while a sync computes. With Python's default of 5 ms, a page beside a sync takes three times as
# long.
SWITCH_INTERVAL_S = 0.001

# How long a server that was told to stop waits for clients that have not read their answer.
END_PATIENCE_S = 5.0

logger = logging.getLogger("ecommerce_core.dashboard")


def read_settings() -> Settings:
    """Read the settings, or exit with one line that says what is wrong."""
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        if os.environ.get("ECOMMERCE_LOG", "").strip().lower() == "json":
            logs.take_over_streams("json")
        sys.exit(f"dashboard.py: {error}")


def read_sign_in() -> tuple[tuple[str, ...], str | None]:
    """Return the sign-in providers and the secret that signs cookies and links, or exit.

    If nobody has to sign in, the server only serves this machine.
    """
    auth: dict[str, object] | None = None
    try:
        is_loaded = st.secrets.load_if_toml_exists()
    except (OSError, ValueError) as error:  # no permission to read it, a folder, not UTF-8
        sys.exit(f"dashboard.py: secrets.toml cannot be read: {type(error).__name__}")
    if is_loaded:
        section = st.secrets.get("auth")
        if section is not None and not isinstance(section, Mapping):
            sys.exit("dashboard.py: auth in secrets.toml is no section: it takes [auth]")
        auth = None if section is None else dict(section)
    else:
        for file in st.get_option("secrets.files"):
            # An unreadable file may contain the sign-in settings, so the server must not start
            # without them; a broken link counts, too.
            if os.path.lexists(file):
                sys.exit(f"dashboard.py: {file} is there and cannot be read as TOML")
    try:
        providers = read_providers(auth)
        check_exposure(
            st.get_option("server.address"),
            must_sign_in=bool(providers),
            is_allowed=settings.serve_without_sign_in,
        )
    except SettingsError as error:
        sys.exit(f"dashboard.py: {error}")
    if providers and not settings.operators and settings.operator_claim is None:
        logger.warning(
            "nobody is an operator: neither ECOMMERCE_OPERATORS nor ECOMMERCE_OPERATOR_CLAIM is set"
        )
    secret = None if auth is None else str(auth["cookie_secret"])
    return providers, secret


def start_sandbox() -> Sandbox:
    """Start the embedded peers; their scheduler calls this server."""
    sandbox = Sandbox(
        products=settings.sandbox_products,
        customers=settings.sandbox_customers,
        app_url=f"http://127.0.0.1:{st.get_option('server.port')}",
        app_name=settings.app_name,
    )
    sandbox.start()
    return sandbox


def own_address() -> str:
    """Return the overview's address for a browser on this machine."""
    address = st.get_option("server.address") or ""
    host = "127.0.0.1" if address in {"", "0.0.0.0", "::"} else address  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    return f"{scheme}://{host}:{st.get_option('server.port')}{PREFIX}/"


class Ending:
    """Ends the application once, even if several callers request it."""

    def __init__(self, running: Application, sandbox: Sandbox | None) -> None:
        self._running = running
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._is_over = False

    def end(self) -> None:
        """End the application, and return when it has ended."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            current_application.install(None)
            self._running.stop()
            companion.close()
            self._running.close()
            if self._sandbox is not None:
                self._sandbox.stop()

    def end_anyway(self) -> None:
        """End the application and the server, without waiting for clients any longer."""
        self.end()
        logging.shutdown()
        os._exit(0)


def release_callers_on_signals(ending: Ending) -> None:
    """Answer waiting callbacks on a signal to stop, since the server waits for them first.

    It also waits until every client has read its answer, which some may never do.
    """

    def release_first(before: Callable[..., Any], number: int, frame: FrameType | None) -> None:
        companion.release()
        late = threading.Timer(END_PATIENCE_S, ending.end_anyway)
        late.daemon = True
        late.start()
        before(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(release_first, before))


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open and start everything before the first request, stop it after the last."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    # Arrow's own pool keeps memory that each script's thread used; the system's returns it.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    logs.set_up(settings.log)  # again: by now the server has set up loggers of its own
    sandbox = None
    gateway_url = settings.gateway_url
    if gateway_url is None:
        sandbox = await anyio.to_thread.run_sync(start_sandbox)
        gateway_url = sandbox.url
        logger.info("ECOMMERCE_GATEWAY_URL is not set: the sandbox answers at %s", gateway_url)
    try:
        running = Application.open(
            settings,
            gateway_url=gateway_url,
            is_sandbox=sandbox is not None,
            sign_in_providers=providers,
            link_secret=link_secret,
        )
        running.start()
    except EcommerceError as error:
        if sandbox is not None:
            sandbox.stop()
        # The server's own way to refuse a start would hide the reason under a traceback.
        print(f"dashboard.py: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)
    companion.attach(running)
    current_application.install(running)
    ending = Ending(running, sandbox)
    release_callers_on_signals(ending)
    logger.info("the dashboard is at %s", own_address())
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(ending.end)


settings = read_settings()
logs.take_over_streams(settings.log)
logs.set_up(settings.log)
providers, link_secret = read_sign_in()
companion = Companion(DATASETS.values())
app = st.App(
    NAVIGATION,
    routes=companion.routes(),
    middleware=[
        Middleware(SecurityHeaders),
        companion.guard(
            settings,
            bind_address=st.get_option("server.address") or None,
            only_this_machine=not providers and not settings.serve_without_sign_in,
            with_sign_in=bool(providers),
            with_agent_api=st.get_option("server.enableAgentApi"),
        ),
        *(sign_in_routes.middleware(st.secrets["auth"]["redirect_uri"]) if providers else []),
    ],
    lifespan=lifespan,
    exception_handlers={Exception: answer_unforeseen_error},
)
