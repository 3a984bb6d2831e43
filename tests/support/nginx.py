"""nginx with a site of ours, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import is_open
from tests.support.waiting import until


@contextmanager
def running_nginx(folder: Path, site: str, *, port: int) -> Iterator[None]:
    """Run nginx with a site that listens on ``port``; skip if it is not installed."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx here")
    places = "".join(
        f"{name}_temp_path {folder / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; pid {folder / 'pid'}; error_log {folder / 'error.log'};\n"
        "worker_rlimit_nofile 8192; events { worker_connections 4096; }\n"
        f"http {{ access_log off; {places}\n{site}\n}}"
    )
    command = ["nginx", "-p", str(folder), "-c", str(file)]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    nginx = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_open(port))
        yield
    finally:
        nginx.terminate()
        nginx.wait(10)
