"""One session on one page, driven like a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from ecommerce_core.application import Application
from ecommerce_core.datasets import Dataset
from ecommerce_core.settings import Settings
from pages.ui import session
from pages.ui.current_application import install
from tests.support.peers import SHOP
from tests.support.waiting import until

NAVIGATION = Path(__file__).parents[2] / "pages" / "navigation.py"
PAGES = ["overview", "products", "customers", "scheduler", "activity", "explore", "help"]


def installed(
    url: str,
    folder: Path,
    *,
    datasets: Mapping[str, Dataset] = SHOP,
    pages: Mapping[str, Path] | None = None,
) -> Iterator[Application]:
    settings = Settings(database=folder / "shop.db", timeout_s=5, deadline_s=10)
    opened = Application.open(settings, gateway_url=url, is_sandbox=True, datasets=datasets)
    opened.start()
    install(opened, pages=pages)
    yield opened
    install(None)
    opened.stop()


@dataclass
class Page:
    """One session on one page."""

    at: AppTest
    app: Application
    toasts: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, app: Application, name: str, *, locale: str = "en-GB", **query: str) -> Page:
        at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
        at.context = {"locale": locale, "timezone": "Europe/Paris"}
        if "language" in query:  # it is read when the session begins
            at.query_params["language"] = query["language"]
        at.run()
        if name != "overview":
            at.switch_page(f"{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        return cls(at.run(), app).sound()

    def go_back(self, monkeypatch: pytest.MonkeyPatch, **query: str) -> Page:
        """Come to this address by the browser's back button."""
        for key, value in query.items():
            self.at.query_params[key] = value
        with monkeypatch.context() as patched:
            patched.setattr(session, "is_history_navigation", lambda: True)
            self.at.run()
        return self.sound()

    def sound(self) -> Page:
        assert not self.at.exception, self.at.exception
        # A toast disappears with the next run, which a fragment may request at any moment.
        self.toasts += [toast.value for toast in self.at.toast]
        return self

    def click(self, key: str) -> Page:
        self.at.button(key=key).click().run()
        return self.sound()

    def buttons(self) -> set[str]:
        return {button.key for button in self.at.button if button.key is not None}

    def fetch(self, name: str) -> Page:
        """Click, wait for the run to end, and redraw the page."""
        before = self.app.store.newest_run_id()
        self.click(f"fetch_{name}")
        until(lambda: ended(self.app, name, before))
        self.at.run()
        return self.sound()

    def table(self, key: str = "products_table") -> pd.DataFrame:
        return next(table for table in self.at.dataframe if table.key == key).value

    def table_named(self, alt: str) -> pd.DataFrame:
        """Return a table by its alternative text: without selection it has no key in AppTest."""
        return next(table for table in self.at.dataframe if table.proto.alt == alt).value

    def told(self, component: str) -> list[dict[str, Any]]:
        """Return the data of a component, once for each time that it is on the page."""
        found = [e.proto for e in self.at.get("bidi_component")]
        return [json.loads(one.json) for one in found if one.component_name == component]

    def texts(self) -> str:
        kinds = (
            "error",
            "warning",
            "info",
            "success",
            "caption",
            "markdown",
            "toast",
            "header",
            "subheader",
        )
        found = [e.value for kind in kinds for e in self.at.get(kind) if isinstance(e, Element)]
        found += [told["text"] for told in self.told("ecommerce_live_text")]
        found += [expander.label for expander in self.at.expander]
        titles = [e.proto.title for kind in ("error", "warning") for e in self.at.get(kind)]
        return "\n".join(str(text) for text in [*found, *titles])


def ended(app: Application, name: str, after: int) -> bool:
    # A run is stored shortly before it is announced, since readers must see its rows by then.
    run = app.store.last_run(name)
    is_stored = run is not None and run.id > after and run.finished_at is not None
    return is_stored and app.progress(name) is None


def catalogue(count: int) -> bytes:
    products = [
        {
            "id": number,
            "codeProduit": f"X{number}",
            "familleProduit": "Frigos",
            "descriptionProduit": f"Frigo {number}",
            "quantiteMin": 15,
            "packaging": 2,
            "prix": 424,
        }
        for number in range(count)
    ]
    return json.dumps({"produits": products}).encode()
