"""An application behind the companion's routes, on a free port."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.domain import Run, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from tests.support.companion_server import Answered, Served, with_a_page


class DataServer:
    """A server, and the application behind it."""

    def __init__(self, application: Application, companion: Companion, served: Served) -> None:
        self.application = application
        self.companion = companion
        self.served = served

    def fetch(self, name: str) -> Run:
        """Fetch a dataset."""
        return self.application.request_sync(
            name, actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
        ).wait(30)

    def url(self, address: str) -> str:
        """Return the whole address of a route."""
        return f"{self.served.url}/ecommerce/{address}"

    def get(
        self, address: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Return a route's answer."""
        return self.served.ask(method, f"/ecommerce/{address}", headers=headers)

    def json(self, address: str) -> Any:
        """Return a route's JSON answer."""
        answer = self.get(address)
        assert answer.status == 200, answer.text
        return json.loads(answer.body)


@contextmanager
def serving(application: Application, **companion_takes: float) -> Iterator[DataServer]:
    """Serve the companion's routes behind their guard; end the application with it."""
    companion = Companion(application.datasets.values(), **companion_takes)
    app = with_a_page(companion.routes())
    app.user_middleware.append(companion.guard(application.settings))
    application.start(watch=False)
    companion.attach(application)
    try:
        with Served(app) as running:
            yield DataServer(application, companion, running)
    finally:
        application.stop(timeout_s=5)
        companion.close()
        application.close()
