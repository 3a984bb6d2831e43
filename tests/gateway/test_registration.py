"""Registration with the gateway, against an administration that answers like a real one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from ecommerce_core.domain import PeerContractError, PeerRefused
from ecommerce_core.gateway import (
    Gateway,
    Registration,
    RegistrationStatus,
    admin_gateway,
    list_routes,
)
from ecommerce_core.gateway.registration import PEER, register, unregister
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import Settings
from tests.support.peers import Peers
from tests.support.server import free_port, running_server
from tests.support.waiting import until

NAME = "e-commerce"
HERE = "http://127.0.0.1:8501"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(products=1, customers=1, tick_s=None, admin_port=0) as peers:
        yield peers


@pytest.fixture
def admin(sandbox: Sandbox) -> Gateway:
    return admin_gateway(str(sandbox.admin_url))


def all_routes(sandbox: Sandbox) -> list[Any]:
    return list(requests.get(f"{sandbox.admin_url}/routes/", timeout=5).json()["data"])


def add(sandbox: Sandbox, path: str, **form: str | list[str]) -> Any:
    hosts = {"hosts[]": form.pop("hosts")} if "hosts" in form else {}
    answer = requests.post(f"{sandbox.admin_url}/{path}", data=form | hosts, timeout=5)
    assert answer.status_code == 201, answer.text
    return answer.json()


def service(sandbox: Sandbox) -> Any:
    return requests.get(f"{sandbox.admin_url}/services/{NAME}", timeout=5).json()


def test_a_fresh_gateway_learns_the_service_and_its_route(sandbox: Sandbox, admin: Gateway) -> None:
    register(admin, name=NAME, public_url="http://this-host:8501")

    [route] = all_routes(sandbox)
    assert route["hosts"] == [NAME]
    assert route["service"]["id"] == service(sandbox)["id"]
    assert (service(sandbox)["host"], service(sandbox)["port"]) == ("this-host", 8501)


def test_registering_again_leaves_one_service_with_the_new_url(
    sandbox: Sandbox, admin: Gateway
) -> None:
    for port in (8501, 8502, 8503):
        register(admin, name=NAME, public_url=f"http://this-host:{port}")

    assert len(all_routes(sandbox)) == 1
    assert service(sandbox)["port"] == 8503


def test_whatever_stood_under_the_name_is_gone_and_others_stay(
    sandbox: Sandbox, admin: Gateway
) -> None:
    add(sandbox, "services/", name=NAME, url="http://old:1")
    add(sandbox, "services/", name="crm", url="http://crm:1")
    add(sandbox, f"services/{NAME}/routes", hosts=NAME)
    add(sandbox, f"services/{NAME}/routes", hosts=["another.example"])
    add(sandbox, "services/crm/routes", hosts=["crm", "E-Commerce"])
    kept = add(sandbox, "services/crm/routes", hosts="crm")

    register(admin, name=NAME, public_url="http://new:1")

    assert len(list_routes(admin, name=NAME)) == 1
    assert kept["id"] in [route["id"] for route in all_routes(sandbox)]
    assert len(all_routes(sandbox)) == 2
    assert service(sandbox)["host"] == "new"


def test_a_route_on_a_later_page_is_found(sandbox: Sandbox, admin: Gateway) -> None:
    add(sandbox, "services/", name="many", url="http://many:1")
    for number in range(120):
        add(sandbox, "services/many/routes", hosts=f"host-{number}")
    add(sandbox, "services/", name=NAME, url="http://old:1")
    add(sandbox, f"services/{NAME}/routes", hosts=NAME)

    unregister(admin, name=NAME)

    page = requests.get(f"{sandbox.admin_url}/routes?offset=100", timeout=5).json()
    assert len(page["data"]) == 20
    assert list_routes(admin, name=NAME) == []


def test_the_gateway_leads_to_what_was_registered(sandbox: Sandbox, admin: Gateway) -> None:
    with Sandbox(products=1, customers=1, tick_s=None) as other:
        register(admin, name="crm-2", public_url=other.url)
        # A request that arrives there has its own address as Host, so none of its peers answers.
        answer = requests.get(f"{sandbox.url}/api", headers={"Host": "crm-2"}, timeout=5)
        assert answer.json() == {"message": "no Route matched with those values"}
        register(admin, name="crm-2", public_url=f"http://127.0.0.1:{free_port()}")
        answer = requests.get(f"{sandbox.url}/api", headers={"Host": "crm-2"}, timeout=5)
        assert answer.status_code == 502


def test_an_administration_that_refuses_is_told_in_its_own_words(admin: Gateway) -> None:
    with pytest.raises(PeerRefused, match=f"{PEER} answered 400: .*schema violation"):
        register(admin, name=NAME, public_url="ftp://no")


def test_what_is_no_administration_is_recognised(peers: Peers) -> None:
    peers.bodies["127.0.0.1"] = b'{"produits": []}'

    with pytest.raises(PeerContractError, match="does not answer as a gateway's administration"):
        register(admin_gateway(peers.url), name=NAME, public_url=HERE)


def settings_for(admin_url: str | None) -> Settings:
    return Settings(gateway_admin_url=admin_url, public_url=None if admin_url is None else HERE)


def test_without_an_administration_nothing_is_done() -> None:
    registration = Registration(settings_for(None))
    registration.start()

    assert registration.state.status is RegistrationStatus.OFF
    registration.stop()


def test_it_is_tried_until_the_administration_comes_up_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    registration = Registration(settings_for(f"http://127.0.0.1:{port}"), pauses_s=(0.02,))
    with caplog.at_level(logging.INFO, logger="ecommerce_core.gateway.registration"):
        registration.start()
        until(lambda: registration.state.status is RegistrationStatus.FAILING)
        Event().wait(0.2)
        with Sandbox(products=1, customers=1, tick_s=None, admin_port=port) as sandbox:
            until(lambda: registration.state.status is RegistrationStatus.REGISTERED)
            assert len(all_routes(sandbox)) == 1
        registration.stop()

    said = [r for r in caplog.records if r.name == "ecommerce_core.gateway.registration"]
    assert [record.levelname for record in said] == ["WARNING", "INFO"]
    assert "no callback arrives yet" in said[0].getMessage()
    assert registration.state.error is None
    assert registration.state.at is not None


def test_it_ends_at_once_when_told_to_though_the_administration_is_silent(peers: Peers) -> None:
    peers.bodies["127.0.0.1"] = b"{}"
    peers.gate.clear()
    registration = Registration(settings_for(peers.url))
    registration.start()
    until(lambda: peers.asked["127.0.0.1"])

    registration.stop(timeout_s=2)

    assert registration.state.status is not RegistrationStatus.REGISTERED


def test_a_server_registers_itself_and_callbacks_come_to_it(tmp_path: Path) -> None:
    with Sandbox(products=3, customers=1, tick_s=None, admin_port=0) as sandbox:
        port = free_port()
        environment = {
            "ECOMMERCE_GATEWAY_URL": sandbox.url,
            "ECOMMERCE_GATEWAY_ADMIN_URL": str(sandbox.admin_url),
            # A name that is not among the allowed hosts: registering under it allows it.
            "ECOMMERCE_PUBLIC_URL": f"http://localhost:{port}",
            "ECOMMERCE_ALLOWED_HOSTS": "127.0.0.1",
        }
        with running_server(tmp_path, environment, port=port) as server:
            until(lambda: all_routes(sandbox))
            callback = requests.post(
                f"{sandbox.url}/ecommerce/add-auto", headers={"Host": NAME}, timeout=30
            )
            health = requests.get(server.page("healthz"), timeout=10).json()

    assert callback.text.startswith("Done")
    assert health["registration"]["state"] == "registered"
    assert health["backups"] == {"state": "off", "last_at": None, "last_age_s": None}
