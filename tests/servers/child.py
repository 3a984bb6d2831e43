"""A server as a process of its own, which syncs when told to and stops where it is told to.

``python -m tests.servers.child URL GATEWAY FOLDER HOLD`` says ``ready``, and ``writing`` with rows
written in an open transaction, where it waits for a line if HOLD is ``writing``. After each line
``sync`` it says how the run ended: its status, or the error's name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ecommerce_core.application import Application
from ecommerce_core.domain import EcommerceError, Run, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import Settings


def tell(mark: str) -> None:
    """Say a mark at once: what a buffer holds dies with the process."""
    os.write(sys.stdout.fileno(), f"{mark}\n".encode())


def main() -> None:
    url, gateway, folder, hold = sys.argv[1:]
    settings = Settings(
        database=Path(folder) / "shop", database_url=url, timeout_s=60, deadline_s=120
    )
    application = Application.open(settings, gateway_url=gateway)
    store = application.store
    apply = store.apply

    def tell_apply(*args: Any, report: Any, **options: Any) -> Run:
        def tell_report(rows: int) -> None:
            report(rows)
            if rows and not told:
                told.append(rows)
                tell("writing")
                if hold == "writing":
                    sys.stdin.readline()

        told: list[int] = []
        return apply(*args, report=tell_report, **options)

    store.apply = tell_apply
    application.start(watch=hold == "watching")
    tell("ready")
    while sys.stdin.readline().strip() == "sync":
        handle = application.request_sync(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.CALLBACK
        )
        try:
            tell(handle.wait().status.value)
        except EcommerceError as error:
            tell(type(error).__name__)
    application.stop(timeout_s=5)
    application.close()


if __name__ == "__main__":
    main()
