"""The connections of a process: a hook for its start, and the list that it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

_HOOK = """
import json, os, sys

file = os.open(os.environ["CONNECTIONS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def hear(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments[:2]
    elif event in {"socket.gethostbyname", "socket.gethostbyaddr"}:
        address = (arguments[0], None)
    else:
        return
    os.write(file, (json.dumps([event, repr(address)]) + "\\n").encode())


sys.addaudithook(hear)
"""


def list_connections_in(folder: Path) -> Mapping[str, str]:
    """Return the environment of a Python process that lists its connections."""
    (folder / "sitecustomize.py").write_text(_HOOK, "utf-8")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "CONNECTIONS_FILE": str(folder / "connections.jsonl")}


def connections_of(folder: Path) -> list[tuple[str, str]]:
    """Return each connection and look-up so far: the event, and the address as it was given."""
    lines = (folder / "connections.jsonl").read_text("utf-8").splitlines()
    return [(event, address) for event, address in map(json.loads, lines)]
