"""A shop as deploy/servers runs it: nginx, two servers, and the PostgreSQL that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from ecommerce_core.settings import PROJECT_ROOT
from ecommerce_core.storage import Store, open_store
from tests.support.nginx import running_nginx
from tests.support.postgresql import PostgresqlServer
from tests.support.server import Server, Site, free_port, running_server

SITE = PROJECT_ROOT / "deploy" / "servers" / "nginx.conf"
AFFINITY = "ecommerce_server"
SERVERS = 2


@dataclass(frozen=True)
class Shop:
    """What stands behind one address.

    ``site`` is nginx, and ``store`` the database, seen from outside. ``start`` runs a server of
    that index again after it was killed, and does not wait until it is ready.
    """

    site: Site
    servers: list[Server]
    store: Store
    start: Callable[[int], None]

    def ask_who(self, cookie: str | None = None) -> str:
        """Return the id of the server that nginx chooses, for the holder of a cookie if given."""
        cookies = {} if cookie is None else {AFFINITY: cookie}
        answer = requests.get(self.site.page("healthz"), cookies=cookies, timeout=20)
        return str(answer.json()["server"]["id"])


@contextmanager
def running_shop(
    postgresql: PostgresqlServer,
    folder: Path,
    *,
    port: int,
    environment: Mapping[str, str],
    options: tuple[str, ...] = (),
) -> Iterator[Shop]:
    """Run two servers with one new database behind nginx on ``port``, all files in ``folder``.

    ``environment`` and ``options`` are those of both servers.
    """
    url = postgresql.new_database()
    ports = [free_port() for _ in range(SERVERS)]
    folders = [folder / f"server-{number}" for number in range(1, SERVERS + 1)]
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(index: int) -> None:
            own = {"ECOMMERCE_DATABASE": url, "ECOMMERCE_SNAPSHOT_DIR": str(folders[index])}
            running = running_server(
                folders[index],
                {**environment, **own},
                options=options,
                port=ports[index],
                waits=False,
            )
            servers[index : index + 1] = [stack.enter_context(running)]

        stack.enter_context(running_nginx(folder, _site(port, ports), port=port))
        for index, own_folder in enumerate(folders):
            own_folder.mkdir()
            start(index)
        for server in servers:
            server.wait_until_ready()
        store = open_store(folder / "outside", url=url, server_id="outside")
        stack.callback(store.close)
        logs = [one / f"server-{own}.log" for one, own in zip(folders, ports, strict=True)]
        yield Shop(Site(port, *logs), servers, store, start)


def _site(port: int, servers: list[int]) -> str:
    """Return nginx's site with other ports."""
    site = SITE.read_text("utf-8").replace("listen 8501;", f"listen 127.0.0.1:{port};")
    for number, server in enumerate(servers, 1):
        site = site.replace(f"server server-{number}:8501", f"server 127.0.0.1:{server}")
    return site
