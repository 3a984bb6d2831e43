"""What stands in ``deploy/`` for Prometheus and Grafana, tried with Prometheus itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from ecommerce_core.application import Application
from ecommerce_core.companion import Companion
from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import AlertCode
from ecommerce_core.sandbox import Sandbox
from ecommerce_core.settings import PROJECT_ROOT, Settings
from tests.support.companion_server import PRODUCTS_CALLBACK, Served, with_a_page
from tests.support.receivers import Webhook
from tests.support.server import free_port
from tests.support.waiting import until

RULES = PROJECT_ROOT / "deploy" / "prometheus-rules.yml"
DASHBOARD = PROJECT_ROOT / "deploy" / "grafana-dashboard.json"


def tool(name: str) -> str:
    """The path of a program of Prometheus; in CI it must be there."""
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("CI"), f"CI has no {name}: apt-get install prometheus"
        pytest.skip(f"there is no {name}: apt-get install prometheus")
    return found


def queries() -> list[str]:
    """Every query of the dashboard."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def fires(
    folder: Path, series: Mapping[str, str], *, after: str, alerts: Mapping[str, Any]
) -> None:
    """Let promtool say that of these series just these alerts fire, by their labels."""
    names = set(re.findall(r"alert: (\w+)", RULES.read_text("utf-8")))
    up = {'up{job="ecommerce",instance="shop"}': "1x3000"}
    cases = [
        {
            "eval_time": after,
            "alertname": name,
            "exp_alerts": [{"exp_labels": one} for one in alerts.get(name, [])],
        }
        for name in sorted(names)
    ]
    values = [{"series": name, "values": value} for name, value in {**up, **series}.items()]
    test = {"interval": "1m", "input_series": values, "alert_rule_test": cases}
    # Annotations are compared, too, if any are named: the labels are enough here.
    file = folder / "tests.json"
    rules = folder / "rules.yml"
    without = re.sub(r"(?m)^        annotations:\n(          .*\n?)+", "", RULES.read_text("utf-8"))
    rules.write_text(without, "utf-8")
    file.write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [test]}), "utf-8")
    run = subprocess.run(
        [tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def series_of(name: str, **of: str) -> str:
    """A series of the server ``shop``."""
    every = ",".join(f'{label}="{value}"' for label, value in {**of, "instance": "shop"}.items())
    return f"{name}{{{every}}}"


AGE = series_of("ecommerce_last_good_sync_age_seconds", dataset="products")
GOOD = series_of("ecommerce_peer_requests_total", service="crm", result="ok")
BAD = series_of("ecommerce_peer_requests_total", service="crm", result="PeerFailed")
SENT = series_of("ecommerce_messages_total", service="ping", result="sent")
FAILED = series_of("ecommerce_messages_total", service="ping", result="failed")


def labels(severity: str, **others: str) -> dict[str, str]:
    return {"severity": severity, "instance": "shop", **others}


def test_promtool_finds_no_fault_in_the_rules() -> None:
    command = [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(RULES)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("code", AlertCode)
def test_each_alert_of_the_server_fires_by_its_severity(code: AlertCode, tmp_path: Path) -> None:
    of = f'code="{code}",severity="{code.severity}"'
    series = {f'ecommerce_alerts{{{of},instance="shop"}}': "0x9 1x20"}
    rule = {"critical": "EcommerceCritical", "warning": "EcommerceWarning"}.get(code.severity)
    wanted = {} if rule is None else {rule: [labels(code.severity, code=code)]}
    fires(tmp_path, series, after="20m", alerts=wanted)
    fires(tmp_path, series, after="9m", alerts={})


@pytest.mark.parametrize(
    ("series", "after", "alerts"),
    [
        (
            {'up{job="ecommerce",instance="shop"}': "0x10"},
            "5m",
            {"EcommerceDown": [labels("critical", job="ecommerce")]},
        ),
        (
            {'up{job="ecommerce",instance="shop"}': "_x10"},
            "5m",
            {"EcommerceDown": [{"severity": "critical", "job": "ecommerce"}]},
        ),
        (
            {'ecommerce_store_up{instance="shop"}': "1x2 0x10"},
            "10m",
            {"EcommerceStoreUnreadable": [labels("critical")]},
        ),
        (
            {AGE: "0+60x2500"},
            "2167m",
            {"EcommerceOldData": [labels("warning", dataset="products")]},
        ),
        (
            {AGE: "0+60x2500"},
            "2160m",
            {},
        ),
        (
            {'ecommerce_clock_age_seconds{instance="shop"}': "0+60x20"},
            "10m",
            {"EcommerceClockUnread": [labels("warning")]},
        ),
        (
            {
                GOOD: "0+1x60",
                BAD: "0+2x60",
            },
            "40m",
            {"EcommercePeerFails": [labels("warning", service="crm")]},
        ),
        (
            {
                GOOD: "0+2x60",
                BAD: "0+1x60",
            },
            "40m",
            {},
        ),
        (
            {
                FAILED: "0+1x60",
                SENT: "0x60",
            },
            "20m",
            {"EcommerceMessagesFail": [labels("warning", service="ping", result="failed")]},
        ),
        (
            {
                FAILED: "0+1x60",
                SENT: "0+1x60",
            },
            "20m",
            {},
        ),
        (
            {'ecommerce_backup_age_seconds{instance="shop"}': "172000+60x30"},
            "25m",
            {"EcommerceBackupOld": [labels("warning")]},
        ),
    ],
)
def test_a_rule_fires_and_no_other(
    series: Mapping[str, str], after: str, alerts: Mapping[str, Any], tmp_path: Path
) -> None:
    fires(tmp_path, series, after=after, alerts=alerts)


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[str]:
    """Prometheus, scraping a port of this machine each second, with our rules; its address."""
    own = free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "ecommerce",
                "metrics_path": "/ecommerce/metrics",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            }
        ],
    }
    file = folder / "prometheus.json"
    file.write_text(json.dumps(config), "utf-8")
    command = [
        tool("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{own}"
        until(lambda: answers(f"{url}/-/ready"))
        yield url
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def ask(url: str, query: str) -> list[dict[str, Any]]:
    found = requests.get(f"{url}/api/v1/query", params={"query": query}, timeout=10).json()
    assert found["status"] == "success", found
    result: list[dict[str, Any]] = found["data"]["result"]
    return result


def test_every_query_of_the_dashboard_finds_something_in_a_server_that_is_scraped(
    settings: Settings, tmp_path: Path
) -> None:
    tool("prometheus")
    with Sandbox(products=40, customers=5) as sandbox, Webhook() as hook:
        told = replace(settings, alert_urls=(hook.url,), backup_dir=tmp_path / "backups")
        app = Application.open(told, gateway_url=sandbox.url)
        companion = Companion(DATASETS.values())
        companion.attach(app)
        app.start()
        silent = set(queries())
        with (
            Served(with_a_page(companion.routes())) as server,
            prometheus(tmp_path, server.port) as url,
        ):
            until(lambda: ask(url, 'up{job="ecommerce"} == 1'))
            assert server.ask("POST", PRODUCTS_CALLBACK).status == 200
            sandbox.stop()
            assert server.ask("POST", PRODUCTS_CALLBACK).status == 502
            ends_s = time.monotonic() + 60
            while silent and time.monotonic() < ends_s:
                silent -= {query for query in silent if ask(url, query)}
        app.stop()
        companion.close()
        app.close()
    assert not silent
