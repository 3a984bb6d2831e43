"""The help page: words, columns and keys, in both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecommerce_core.application import Application
from tests.support.page_session import Page, installed


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from installed("http://127.0.0.1:9", tmp_path_factory.mktemp("help"))


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("Held", "Withdrawn", "Late", "Missed", "more than 50 %", "within 10 s")),
        ("fr-FR", ("En attente", "Retiré", "En retard", "Manqué", "plus de 50 %", "10 s")),
    ],
)
def test_the_words_are_explained_with_the_settings_that_hold(
    app: Application, locale: str, words: tuple[str, ...]
) -> None:
    told = Page.open(app, "help", locale=locale).texts()

    for word in words:
        assert word in told, word


def test_every_column_of_a_dataset_is_listed_with_its_name_in_files(app: Application) -> None:
    page = Page.open(app, "help")
    table = page.table_named("Products")

    assert "price_eur" in set(table["field"])
    assert len(table) == len(app.datasets["products"].row_columns)
    assert len(page.table_named("Customers")) == len(app.datasets["customers"].row_columns)
