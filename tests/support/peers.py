"""A gateway with peers whose answers a test sets, over a real socket."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Record, register
from tests.support.running import Running

# The datasets whose peers tests and the sandbox have, whatever others there come to be.
SHOP = register(PRODUCTS, CUSTOMERS)

WIRE = Path(__file__).parents[1] / "wire"


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of a client that was killed."""


class Peers(Running):
    """Answers ``GET`` by the request's ``Host``. Use it as a context manager.

    ``bodies`` maps a service's name to its answer, ``headers`` to further headers. ``gate`` holds
    every answer back while it is cleared; ``asked`` counts the requests per service.
    """

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        peers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host = self.headers["Host"].partition(":")[0]
                peers.asked[host] += 1
                peers.gate.wait(30)
                body = peers.bodies.get(host)
                headers = peers.headers.get(host, {})
                etag = headers.get("ETag")
                if etag is not None and self.headers["If-None-Match"] == etag:
                    self.send_response(304)
                    self.end_headers()
                    return
                self.send_response(404 if body is None else 200)
                body = b'{"message":"no Route matched with those values"}' if body is None else body
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Do not log."""

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The gateway's base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def serve_products(self, products: list[dict[str, Any]]) -> None:
        """Let catalogue-produit answer with these products."""
        self.bodies["catalogue-produit"] = json.dumps({"produits": products}).encode()

    def serve_customers(self, customers: list[dict[str, Any]]) -> None:
        """Let the CRM answer with these customers."""
        self.bodies["crm"] = json.dumps(customers).encode()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def product(code: str | int, *, price: int = 100, **fields: Any) -> dict[str, Any]:
    """Return a product as the catalogue writes it."""
    return {
        "id": None,
        "codeProduit": f"X1-{code}" if isinstance(code, int) else code,
        "familleProduit": "Frigos",
        "descriptionProduit": f"Frigos:P1-{code}",
        "quantiteMin": 15,
        "packaging": 2,
        "prix": price,
        **fields,
    }


def products(count: int, *, price: int = 100) -> list[dict[str, Any]]:
    """Return ``count`` products, from X1-0 on."""
    return [product(number, price=price) for number in range(count)]


def customer(number: int, **fields: Any) -> dict[str, Any]:
    """Return a customer as the CRM writes it."""
    return {
        "id": number,
        "idClient": f"a717f9d2-e7c6-11f1-974b-{number:012d}",
        "firstName": "Jean",
        "lastName": f"Eddison-{number}",
        "fidelityPoint": 0,
        "payment": 25,
        "account": f"BKN1CST{number}",
        **fields,
    }


def without_fingerprint(record: Record) -> Record:
    """Return a decoded record without the fingerprint of its text."""
    return replace(record, fingerprint=None)
