"""Views that people keep: who sees, saves, renames and deletes which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecommerce_core.application import Application
from ecommerce_core.domain import Actor, AuditAction, NotAllowed, Role, ViewError
from ecommerce_core.domain.access import ANONYMOUS, LOCAL_OPERATOR
from ecommerce_core.settings import Settings
from ecommerce_core.storage import Store, restore_backup, write_backup
from tests.support.peers import Peers

ADA = Actor("ada@shop.example", Role.OPERATOR)
ANNE = Actor("anne@shop.example", Role.ANALYST)
BOB = Actor("bob@shop.example", Role.ANALYST)


@pytest.fixture
def application(settings: Settings, peers: Peers) -> Iterator[Application]:
    opened = Application.open(settings, gateway_url=peers.url, sign_in_providers=["default"])
    yield opened
    opened.close()


def names(application: Application, actor: Actor, dataset: str = "products") -> list[str]:
    return [view.name for view in application.views.list_for(dataset, actor=actor)]


def save(application: Application, name: str, actor: Actor, *, for_all: bool = False) -> int:
    query = "family=TV&price=-500&sort=-price"
    saved = application.views.save("products", name, query, actor=actor, is_for_all=for_all)
    return saved.id


def test_a_view_is_seen_by_who_saved_it_and_one_for_all_by_everybody(
    application: Application,
) -> None:
    save(application, "Cheap TVs", ANNE)
    save(application, "Everybody’s", ADA, for_all=True)

    assert names(application, ANNE) == ["Cheap TVs", "Everybody’s"]
    assert names(application, BOB) == ["Everybody’s"]
    assert names(application, ANNE, "customers") == []
    [view, _] = application.views.list_for("products", actor=ANNE)
    assert (view.query, view.owner) == ("family=TV&price=-500&sort=-price", ANNE.name)


def test_only_operators_save_rename_and_delete_what_is_for_all(application: Application) -> None:
    number = save(application, "Everybody’s", ADA, for_all=True)

    with pytest.raises(NotAllowed):
        save(application, "Mine for all", ANNE, for_all=True)
    with pytest.raises(NotAllowed):
        application.views.rename(number, "Other", actor=ANNE)
    with pytest.raises(NotAllowed):
        application.views.delete(number, actor=ANNE)
    application.views.rename(number, "Renamed", actor=ADA)
    assert names(application, BOB) == ["Renamed"]
    application.views.delete(number, actor=ADA)
    assert names(application, ADA) == []
    done = [entry.action for entry in application.store.list_audit()]
    assert done == [AuditAction.VIEW_DELETED, AuditAction.VIEW_RENAMED, AuditAction.VIEW_SAVED]


def test_nobody_touches_another_persons_view_not_even_an_operator(
    application: Application,
) -> None:
    number = save(application, "Cheap TVs", ANNE)

    for other in (BOB, ADA):
        with pytest.raises(ViewError, match="not there"):
            application.views.rename(number, "Other", actor=other)
        with pytest.raises(ViewError, match="not there"):
            application.views.delete(number, actor=other)
    assert names(application, ANNE) == ["Cheap TVs"]
    assert application.store.list_audit() == []


def test_who_has_not_signed_in_saves_nothing(application: Application) -> None:
    with pytest.raises(NotAllowed):
        save(application, "Mine", ANONYMOUS)


def test_where_nobody_signs_in_all_views_are_for_all(application: Application) -> None:
    save(application, "Ours", LOCAL_OPERATOR)

    assert names(application, BOB) == ["Ours"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_that_cannot_be_shown_is_refused(application: Application, name: str) -> None:
    with pytest.raises(ViewError):
        save(application, name, ANNE)
    assert names(application, ANNE) == []


def test_a_name_is_taken_once_by_one_owner_and_loses_its_white_space(
    application: Application,
) -> None:
    save(application, "  Cheap \n TVs ", ANNE)
    other = save(application, "Dear TVs", ANNE)

    with pytest.raises(ViewError, match="Cheap TVs"):
        save(application, "Cheap TVs", ANNE)
    with pytest.raises(ViewError, match="Cheap TVs"):
        application.views.rename(other, "Cheap TVs", actor=ANNE)
    application.views.rename(other, "Dear TVs", actor=ANNE)
    save(application, "Cheap TVs", BOB)
    assert names(application, ANNE) == ["Cheap TVs", "Dear TVs"]


def test_nobody_keeps_more_than_fifty_views_of_a_dataset_nor_endless_ones(
    application: Application,
) -> None:
    for number in range(50):
        save(application, f"View {number}", ANNE)

    with pytest.raises(ViewError, match="50"):
        save(application, "One more", ANNE)
    save(application, "One of Bob’s", BOB)
    with pytest.raises(ViewError, match="too long"):
        application.views.save("products", "Long", "q=" + "x" * 4_000, actor=BOB, is_for_all=False)


def test_a_backup_has_the_views_too(application: Application, settings: Settings) -> None:
    save(application, "Cheap TVs", ANNE)
    backup = settings.database.with_name("backup.db")
    write_backup(application.store, backup)
    application.close()
    restored = settings.database.with_name("restored.db")
    restore_backup(restored, backup)

    [view] = Store.open(restored).list_views("products", {ANNE.name})
    assert (view.name, view.query) == ("Cheap TVs", "family=TV&price=-500&sort=-price")
