"""``deploy/``, as far as a machine without a container engine or root can check it.

Checked: that the unit is valid for systemd, if installed, and has the hardening options; that the
container file copies existing files, all that the server needs and nothing secret, and runs
unprivileged; that nginx, if installed, accepts the site and passes pages, WebSockets and headers
through TLS. Not checked: that the image builds, and that the unit's sandbox works on a given
kernel.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ecommerce_core.application import Application
from ecommerce_core.companion.http.sign_in import is_local
from ecommerce_core.datasets import DATASETS, Dataset
from ecommerce_core.settings import PROJECT_ROOT, Settings
from tests.support.companion_server import Served
from tests.support.proxy import SITE, Proxy, running_proxy

DEPLOY = PROJECT_ROOT / "deploy"
UNIT = DEPLOY / "ecommerce-dashboard.service"
CONTAINERFILE = DEPLOY / "Containerfile"


# --- the unit


def unit() -> dict[str, list[str]]:
    """Return the unit's [Service] section; a name may occur several times."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#") and section == "[Service]":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    # Its interpreter is not installed here, so another program replaces it.
    text = UNIT.read_text("utf-8").replace("/opt/ecommerce-dashboard/.venv/bin/python", "/bin/true")
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )

    complaints = [line for line in checked.stderr.splitlines() if UNIT.stem in line]
    assert complaints == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User", "ecommerce"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("StateDirectory", "ecommerce-dashboard"),
        ("Restart", "on-failure"),
    ],
)
def test_the_unit_is_kept_in_its_place(name: str, value: str) -> None:
    assert unit()[name] == [value]


def test_all_that_the_unit_writes_is_in_its_state_directory() -> None:
    service = unit()
    environment = dict(value.split("=", 1) for value in service["Environment"])
    state = f"/var/lib/{service['StateDirectory'][0]}"

    assert not service.keys() & {"ReadWritePaths", "ReadWriteDirectories", "BindPaths"}
    settings = Settings.from_env(environment)
    assert settings.database.parent == Path(state)
    assert settings.backup_dir == Path(state, "backups")
    assert environment["HOME"] == state


def test_the_unit_waits_longer_than_a_stop_may_take() -> None:
    from inspect import signature

    from ecommerce_core.sync.worker import GIVE_UP_S

    stop_s = signature(Application.stop).parameters["timeout_s"].default
    others_s = 1 + 2 + 5  # the scheduler monitor, the registration, the backups
    assert float(unit()["TimeoutStopSec"][0]) > stop_s + 2 * GIVE_UP_S + others_s


def test_the_unit_starts_what_the_readme_starts() -> None:
    [start] = unit()["ExecStart"]
    interpreter, *words = shlex.split(start)

    assert interpreter == f"{unit()['WorkingDirectory'][0]}/.venv/bin/python"
    assert words == ["-m", "streamlit", "run", "dashboard.py"]
    assert (PROJECT_ROOT / "dashboard.py").is_file()


# --- the container


def instructions() -> list[tuple[str, str]]:
    """Return the container file's instructions, with continued lines joined."""
    lines = [line for line in CONTAINERFILE.read_text("utf-8").splitlines() if line[:1] != "#"]
    joined = "\n".join(lines).replace("\\\n", " ")
    parts = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(word, rest.strip()) for word, _, rest in parts]


def values_of(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


def copied() -> list[str]:
    return [source for rest in values_of("COPY") for source in shlex.split(rest)[:-1]]


def test_the_container_file_has_known_instructions_in_an_order_that_works() -> None:
    words = [word for word, _ in instructions()]

    assert set(words) <= {
        *("ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE"),
        *("HEALTHCHECK", "STOPSIGNAL", "CMD"),
    }
    assert words[:2] == ["ARG", "FROM"]
    assert words.count("FROM") == 1
    assert values_of("ARG") == ["BASE=docker.io/library/python:3.11-slim-bookworm"]
    assert values_of("FROM") == ["${BASE}"]
    assert max(i for i, word in enumerate(words) if word == "RUN") < words.index("USER")
    assert words.index("USER") < words.index("CMD")


def test_the_container_holds_all_that_the_server_needs_and_nothing_secret() -> None:
    for source in copied():
        assert (PROJECT_ROOT / source).exists(), source
    served = [
        path.name
        for path in PROJECT_ROOT.iterdir()
        if path.name not in {"tests", "bench", "deploy"} and not path.name.startswith((".", "__"))
        if path.suffix == ".py" or (path.is_dir() and next(path.glob("*.py"), None))
    ]
    assert {"dashboard.py", "pages", "ecommerce_core"} <= set(served)
    missing = set(served) - set(copied())

    assert missing == set()
    assert not any("secrets" in source or source in {".", "./", "data"} for source in copied())


def test_the_container_runs_unprivileged_and_writes_to_its_volume_alone() -> None:
    environment = dict(
        pair.split("=", 1) for rest in values_of("ENV") for pair in shlex.split(rest)
    )
    [user], [volume] = values_of("USER"), values_of("VOLUME")

    uid, gid = (int(number) for number in user.split(":"))
    assert min(uid, gid) >= 1000
    assert f"--uid {uid}" in " ".join(values_of("RUN"))
    assert Settings.from_env(environment).database.parent == Path(volume)
    assert environment["HOME"] == "/tmp"
    usage = CONTAINERFILE.read_text("utf-8")
    assert "--read-only --tmpfs /tmp" in usage
    assert f"ecommerce-data:{volume}" in usage


def test_the_container_starts_the_server_and_asks_it_how_it_is() -> None:
    [command], [check] = values_of("CMD"), values_of("HEALTHCHECK")

    assert json.loads(command)[:5] == ["python", "-m", "streamlit", "run", "dashboard.py"]
    probe = json.loads(check[check.index("[") :])
    assert probe[:2] == ["python", "-c"]
    ast.parse(probe[2])
    assert f":{values_of('EXPOSE')[0]}/ecommerce/healthz" in probe[2]


def test_the_container_serves_others_only_with_a_sign_in_or_when_told() -> None:
    [command] = values_of("CMD")
    options = json.loads(command)[5:]
    [address] = [word.partition("=")[2] for word in options if "server.address" in word]
    environment = dict(
        pair.split("=", 1) for rest in values_of("ENV") for pair in shlex.split(rest)
    )
    usage = CONTAINERFILE.read_text("utf-8")

    assert not is_local(address)
    assert not Settings.from_env(environment).serve_without_sign_in
    assert "secrets.toml:/app/.streamlit/secrets.toml:ro" in usage
    assert "WORKDIR /app\n" in usage
    assert "--env ECOMMERCE_SERVE_WITHOUT_SIGN_IN=yes" in usage


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_containers_health_check_tells_ready_from_not(status: int, code: int) -> None:
    async def health(request: Request) -> JSONResponse:
        return JSONResponse({}, status_code=status)

    probe = json.loads(re.search(r"CMD (\[.*\])", values_of("HEALTHCHECK")[0])[1])[2]  # type: ignore[index]
    with Served(Starlette(routes=[Route("/ecommerce/healthz", health)])) as server:
        ended = subprocess.run(
            [sys.executable, "-c", probe.replace("8501", str(server.port))],
            capture_output=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == code


# --- the proxy


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with running_proxy(tmp_path) as running:
        yield running


def test_the_proxy_forwards_pages_over_tls_and_says_who_asked_for_what(proxy: Proxy) -> None:
    _, body = proxy.ask("/ecommerce/products")

    said = json.loads(body)
    assert said["path"] == "/ecommerce/products"
    assert said["host"] == "shop.example"
    assert said["x-forwarded-proto"] == "https"
    assert said["x-forwarded-for"] == "127.0.0.1"
    root, _ = proxy.ask("/")
    assert (root.status, root.headers["Location"]) == (302, "/ecommerce/")
    for path in ("add-auto", "auto_load_customers", "metrics", "healthz"):
        assert proxy.ask(f"/ecommerce/{path}")[0].status == 403
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert proxy.ask("/ecommerce/_stcore/stream", headers=upgrade)[0].status == 101


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_the_proxy_example_lets_nobody_outside_call_back(dataset: Dataset) -> None:
    callback = dataset.callback_path.removeprefix("ecommerce/")
    [closed] = re.findall(r"location ~ \^/ecommerce/\(([a-z_|-]+)\)\$ {", SITE.read_text("utf-8"))

    assert callback in closed.split("|")


def test_the_proxy_example_has_all_that_a_page_needs() -> None:
    site = SITE.read_text("utf-8")

    for directive in (
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_http_version 1.1;",
        "return 301 https://$server_name$request_uri;",
    ):
        assert directive in site
    assert site.count("{") == site.count("}")
