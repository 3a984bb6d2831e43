"""Attempts by a peer, or by anybody whose text reaches the application."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bench.bench_memory import measure, write_answer
from ecommerce_core.application import Application
from ecommerce_core.datasets import CUSTOMERS, PRODUCTS, Customer, Row
from ecommerce_core.domain import Counts, Fact, Query, Run, RunStatus, Trigger
from ecommerce_core.domain.access import LOCAL_OPERATOR
from ecommerce_core.settings import PROJECT_ROOT, Settings
from tests.companion.data_routes.written import AT, row, written
from tests.support.peers import Peers, product, products
from tests.support.server import Server, free_port


@contextmanager
def running(settings: Settings, peers: Peers) -> Iterator[Callable[[], Run]]:
    """Run an application with these settings; yield a function that fetches its products."""
    application = Application.open(settings, gateway_url=peers.url)
    application.start(watch=False)
    try:
        yield lambda: application.request_sync(
            "products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL
        ).wait(60)
    finally:
        application.stop(timeout_s=5)


@pytest.mark.parametrize(
    "kind",
    [
        "french_products",
        "empty_records",
        "tiny_rejected",
        "deep_nesting",
        "one_long_record",
        "nearly_json",
    ],
)
def test_an_answer_costs_a_small_multiple_of_its_size_in_memory(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "answer.json"
    write_answer(file, kind, 10_000_000)

    held, _, _ = measure(file, full=False, only_hold=True)
    peak, _, _ = measure(file, full=False, only_hold=False)

    assert peak - held < 4 * 10_000_000


def test_fifteen_megabytes_of_empty_records_are_counted_and_a_thousand_of_them_kept(
    settings: Settings, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 4_999_999 + b"{}]}"

    with running(replace(settings, deadline_s=120), peers) as fetch:
        run = fetch()

    assert run.status is RunStatus.FAILED
    assert run.counts == Counts(fetched=5_000_000, rejected=5_000_000)


def test_the_deadline_holds_while_records_are_split_and_decoded(
    settings: Settings, peers: Peers
) -> None:
    peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 9_999_998 + b"{}]}"

    with running(replace(settings, deadline_s=1), peers) as fetch:
        run = fetch()

    assert run.status is RunStatus.FAILED
    assert run.error == Fact("answer_not_read_in_time", {"peer": "catalogue-produit"})
    assert run.duration_s is not None
    assert run.duration_s < 4  # all of them take six seconds and more


def test_a_record_that_is_nested_too_deeply_costs_only_itself(
    settings: Settings, peers: Peers
) -> None:
    good = [json.dumps(record).encode() for record in products(2)]
    for deep in (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"x":[' * 2_000 + b"]}" * 2_000):
        peers.bodies["catalogue-produit"] = b'{"produits":[' + b",".join([deep, *good]) + b"]}"

        with running(settings, peers) as fetch:
            run = fetch()

        assert run.status is RunStatus.PARTIAL
        assert (run.counts.fetched, run.counts.rejected) == (3, 1)


@pytest.mark.parametrize(
    ("begin", "many", "end"),
    [
        (b"{", b'"a":1,', b'"produits":[],"x":NaN}'),
        (b'{"produits":[],', b'"a":1,', b'"x":NaN}'),
        (b'{"produits":[NaN', b",NaN", b"]}"),
    ],
)
def test_the_deadline_holds_for_what_is_almost_json(
    settings: Settings, peers: Peers, begin: bytes, many: bytes, end: bytes
) -> None:
    peers.bodies["catalogue-produit"] = begin + many * 2_000_000 + end

    with running(replace(settings, deadline_s=1), peers) as fetch:
        run = fetch()

    assert run.status is RunStatus.FAILED
    assert run.error == Fact("answer_not_read_in_time", {"peer": "catalogue-produit"})
    assert run.duration_s is not None
    assert run.duration_s < 4  # all of it takes ten seconds and more


def test_an_answer_of_more_records_than_are_taken_changes_nothing(
    settings: Settings, peers: Peers
) -> None:
    with running(replace(settings, max_records=20), peers) as fetch:
        peers.serve_products(products(20))
        good = fetch()
        peers.serve_products(products(21, price=7))
        bad = fetch()
        peers.bodies["catalogue-produit"] = b'{"produits":[' + b"{}," * 20 + b"{}]}"
        empty = fetch()

    assert (good.status, good.counts.added) == (RunStatus.SUCCEEDED, 20)
    assert [bad.status, empty.status] == [RunStatus.FAILED, RunStatus.FAILED]
    too_many = Fact("too_many_records", {"peer": "catalogue-produit", "limit": 20})
    assert [bad.error, empty.error] == [too_many] * 2


def test_of_many_rejected_records_the_good_one_goes_in_and_the_rows_of_the_others_stay(
    settings: Settings, peers: Peers
) -> None:
    with running(settings, peers) as fetch:
        peers.serve_products(products(30))
        fetch()
        bad = [{"codeProduit": f"B-{number}"} for number in range(150_000)]
        peers.serve_products([*bad, product(1, price=9)])
        run = fetch()

    # More keys than are kept: any row might be one of theirs, so none is withdrawn.
    assert run.status is RunStatus.PARTIAL
    assert run.counts == Counts(fetched=150_001, updated=1, rejected=150_000)


# OWASP's list, and the signs that a spreadsheet treats alike; independent of the guard.
SIGNS = set("=+-@\uff1d\uff0b\uff0d\uff20")
LIVE_TEXTS = [
    "=1+1",
    "+33612345678",
    "-2+3",
    "@SUM(1)",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "a;=1+1",
    "a,=1+1",
    "a\t=1+1",
    "a|=1+1",
    "a\n=1+1",
    "a\r=1+1",
    "a\r\n=1+1",
    "\t=1+1",
    "\n=1+1",
    "\r=1+1",
    ' "=1+1',
    '";=1+1',
    '"";"=1+1',
    "\u200b=1+1",
    "\ufeff\uff1d1",
    "\u202e=1",
    "a; \u00a0\u2060-1",
]


def cells(body: bytes, delimiter: str) -> Iterator[str]:
    """Yield every cell, as in a spreadsheet that separates by this sign."""
    for line in csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter):
        yield from line


def is_live(cell: str) -> bool:
    passed_over = (
        sign
        for sign in cell
        if sign != '"' and unicodedata.category(sign) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}
    )
    return next(passed_over, "") in SIGNS


def live_cells(body: bytes) -> list[str]:
    """Return the cells that would run under any separator in use."""
    return [cell for delimiter in ",;\t|" for cell in cells(body, delimiter) if is_live(cell)]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_text_of_a_peer_is_a_live_cell_whatever_separates_cells(
    settings: Settings, peers: Peers, language: str
) -> None:
    wire = [product(f"P{n}", descriptionProduit=text) for n, text in enumerate(LIVE_TEXTS)]
    wire += [product(text) for text in LIVE_TEXTS]
    peers.serve_products([*wire, product("00123", descriptionProduit="0612345678")])
    application = Application.open(settings, gateway_url=peers.url)
    application.start(watch=False)
    try:
        application.request_sync("products", actor=LOCAL_OPERATOR, trigger=Trigger.MANUAL).wait(30)
        rows = [row for rows in application.reader.iter_rows(PRODUCTS, Query()) for row in rows]
    finally:
        application.stop(timeout_s=5)

    body = written("csv", *rows, language=language)

    assert len(rows) == 2 * len(LIVE_TEXTS) + 1
    assert live_cells(body) == []
    delimiter = {"en": ",", "fr": ";"}[language]
    lines = list(csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    assert {len(line) for line in lines} == {12}
    assert ["00123", "Frigos", "0612345678"] in [line[:3] for line in lines]


@pytest.mark.parametrize(
    ("language", "payment", "points"), [("en", "-2.5", "-1.0"), ("fr", "-2,5", "-1,0")]
)
def test_a_negative_number_stays_a_number_in_either_language(
    language: str, payment: str, points: str
) -> None:
    customer_row = Customer("-1", "A", "=B", -1.0, -2.5, "", AT, AT, None)

    body = written("csv", customer_row, dataset=CUSTOMERS, language=language)

    delimiter = {"en": ",", "fr": ";"}[language]
    _, line = csv.reader(StringIO(body.decode("utf-8-sig")), delimiter=delimiter)
    assert line[:5] == ["'-1", "A", "'=B", points, payment]


def test_in_excel_files_texts_are_texts_and_numbers_numbers() -> None:
    openpyxl: Any = pytest.importorskip("openpyxl")

    texts = ["=1+1", "\uff1d1", "00123", "0612345678", "-5", "a;=1"]
    rows: list[Row] = [row(f"P{n}", description=text) for n, text in enumerate(texts)]
    body = written("xlsx", *rows)

    sheet = openpyxl.load_workbook(BytesIO(body))["Products"]
    read = [(cell.value, cell.data_type) for cell in sheet["C"][1:]]
    assert read == [(text, "s") for text in texts]
    assert sheet["D2"].value == 1234.05


ANY_TEXT = st.text(
    st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20;,|\t\r\n\"' \u200b\u00a0a1")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=12,
)


@given(
    texts=st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=5),
    language=st.sampled_from(["en", "fr"]),
)
def test_whatever_the_texts_no_cell_is_live_under_any_separator(
    texts: list[tuple[str, str]], language: str
) -> None:
    rows: list[Row] = [row(code, description=text) for code, text in texts]
    assert live_cells(written("csv", *rows, language=language)) == []


HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eevil\u2066\n2030-01-01 00:00:00  forged \x00\x7f"


def hostile_signs(text: str) -> list[str]:
    """Return the characters in a terminal's text that are no text, except its line ends."""
    return [
        sign
        for sign in text.replace("\n", "")
        if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]


def command(peers: Peers, folder: Path, *words: str, said: str = "") -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of one command, run like in a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "ecommerce_core", *words],
        env=dict(os.environ)
        | {
            "ECOMMERCE_DATABASE": str(folder / "shop.db"),
            "ECOMMERCE_GATEWAY_URL": peers.url,
            "PYTHONIOENCODING": "utf-8",
        },
        cwd=PROJECT_ROOT,
        input=said.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_line_shows_what_peers_wrote_as_text_and_nothing_else(
    peers: Peers, tmp_path: Path
) -> None:
    long = "x" * 30_000
    tasks = [
        ["07/01/2039-01:00:00", "a", "b", "day", "", HOSTILE, HOSTILE, False],
        ["07/01/2039-02:00:00", HOSTILE, HOSTILE, HOSTILE, "", long, "somebody", False],
    ]
    peers.bodies["scheduler"] = json.dumps(tasks).encode()

    code, out, err = command(peers, tmp_path, "tasks", "list")

    assert (code, err) == (0, "")
    assert hostile_signs(out) == []
    first, second = out.splitlines()
    assert r"\x1b[31mred\x1b]0;title\x07\x9b2J\u202eevil\u2066\n2030-01-01" in first
    assert "(of somebody, calls " in second
    assert len(second) < 1_000
    _, as_json, _ = command(peers, tmp_path, "tasks", "list", "--json")
    assert as_json.isascii()
    assert [task["name"] for task in json.loads(as_json)] == [HOSTILE, long]


def test_the_command_line_asks_and_fails_in_text_and_nothing_else(
    peers: Peers, tmp_path: Path
) -> None:
    name = HOSTILE.replace("\x00", "")
    peers.bodies["crm"] = HOSTILE.encode()

    code, out, err = command(peers, tmp_path, "tasks", "delete", name, "--source", name, said="n\n")
    assert code == 1
    assert r"Delete the tasks \x1b[31mred" in out
    assert hostile_signs(out + err) == []
    for words in (("sync", "customers"), ("runs",), ("status",), ("doctor",)):
        _, out, err = command(peers, tmp_path, *words)
        assert "crm" in out + err or words == ("runs",)
        assert hostile_signs(out + err) == []


def signing_in(folder: Path, port: int) -> tuple[str, ...]:
    """Return options of a server with sign-in; its provider does not exist."""
    file = folder / "secrets.toml"
    file.write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{port}/ecommerce/oauth2callback"\n'
        f'cookie_secret = "{"c" * 64}"\nclient_id = "x"\nclient_secret = "y"\n'
        'server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"\n'
    )
    return (f"--secrets.files={file}",)


def lines_of_a_server(folder: Path, form: str) -> tuple[list[str], list[str]]:
    """Return a server's lines on stdout and stderr until SIGTERM, after hostile requests."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ECOMMERCE_")}
    environment |= {"ECOMMERCE_DATABASE": str(folder / "shop.db"), "ECOMMERCE_LOG": form}
    files = folder / "stdout", folder / "stderr"
    with files[0].open("wb") as out, files[1].open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "dashboard.py", f"--server.port={port}"]
            + list(signing_in(folder, port)),
            env=environment,
            cwd=PROJECT_ROOT,
            stdout=out,
            stderr=err,
        )
        server = Server(process, port, files[1])
        try:
            server.wait_until_ready()
            requests.get(server.page(), headers={"Host": "evil.example"}, timeout=10)
            requests.get(
                server.page("oauth2callback"),
                params={"error": HOSTILE + "A" * 30_000},
                timeout=10,
                allow_redirects=False,
            )
            with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
                line.sendall(b"\x1b[31mNONSENSE\r\n\r\n")
                line.recv(1_000)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    # Not splitlines(), which treats other characters as line ends, too.
    out_lines, err_lines = (file.read_text("utf-8").split("\n") for file in files)
    return out_lines[:-1], err_lines[:-1]


def test_each_line_of_the_server_is_json_from_the_first_to_the_last(tmp_path: Path) -> None:
    out, err = lines_of_a_server(tmp_path, "json")

    said = [json.loads(line) for line in out + err]
    assert out == []
    assert all(line.isascii() and len(line) < 5_000 for line in err)
    assert {"ecommerce_core.dashboard", "ecommerce_core.refusals", "uvicorn.error"} <= {
        line["logger"] for line in said
    }
    (error,) = [line["message"] for line in said if "Error during auth" in line["message"]]
    assert "\x1b[31mred" in error
    assert any("the dashboard is at http://127.0.0.1" in line["message"] for line in said)


def test_the_log_for_people_shows_what_strangers_wrote_as_text(tmp_path: Path) -> None:
    out, err = lines_of_a_server(tmp_path, "text")

    assert out == []
    assert all(len(line) <= 2_000 for line in err)
    assert [sign for line in err for sign in hostile_signs(line)] == []
    (error,) = [line for line in err if "Error during auth" in line]
    assert " ERROR streamlit." in error
    assert r"\x1b[31mred\x1b]0;title\x07\x9b2J\u202eevil\u2066" in error


LOOSE_ENDS = """
import logging, os, sys, threading, warnings
from ecommerce_core.logs import logs

logs.take_over_streams(FORM)
logs.set_up(FORM)
print("\\x1b[31mprinted", file=sys.stderr)
print("\\x1b[31mprinted on stdout")
warnings.warn("\\x1b[31mwarned")
late = logging.getLogger("set.up.late")
late.propagate = False
late.addHandler(logging.StreamHandler())
late.warning("\\x1b[31mlate\\nforged")
alone = logging.getLogger("without.handler")
alone.propagate = False
alone.warning("\\x1b[31malone")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
class Broken:
    def __del__(self):
        raise ValueError("Vercingetorix")
Broken()
sys.stderr.write("\\x1b[31mnot ended")
def fail():
    raise KeyError("Vercingetorix")
fail()
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_prints_warnings_and_tracebacks_are_lines_as_all_others(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOSE_ENDS.replace("FORM", repr(form))],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "Vercingetorix" not in done.stderr
    for said in ("printed", "warned", "late", "alone", "not ended"):
        assert said in done.stderr
    for kind in ("ZeroDivisionError", "ValueError", "KeyError"):
        assert kind in done.stderr
    if form == "json":
        lines = [json.loads(line) for line in (done.stderr + done.stdout).splitlines()]
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
        assert done.stdout


TALKS_AT_ONCE = """
import logging, sys, threading
from ecommerce_core.logs import logs

late = logging.StreamHandler()
logging.getLogger("streamlit").addHandler(late)
logging.getLogger("streamlit").propagate = False
logs.take_over_streams("json")
logs.set_up("json")
def talk(number):
    logger = logging.getLogger(("streamlit", "ecommerce_core", "other")[number % 3])
    for count in range(300):
        logger.warning("logged %d %d %s", number, count, "\U0001f600" * count * 5)
        sys.stdout.write(f"said {number} {count} {'z' * 10 * count}\\n")
        sys.stderr.write(f"said {number} {count}\\n")
threads = [threading.Thread(target=talk, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_many_who_talk_at_once_tear_no_line_of_another(unbuffered: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TALKS_AT_ONCE],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=60,
    )

    said = [json.loads(line)["message"].split(" ")[:3] for line in done.stdout.splitlines()]
    assert sorted(said) == sorted(
        [word, str(number), str(count)]
        for word in ("logged", "said", "said")
        for number in range(6)
        for count in range(300)
    )


def test_a_start_that_fails_says_why_in_json_too(tmp_path: Path) -> None:
    (tmp_path / "shop.db.products.lock").mkdir()
    for wrong in (
        {"ECOMMERCE_TIMEOUT_S": "\x1b[31msoon"},
        {"ECOMMERCE_DATABASE": "/proc/x/y.db"},
        {"ECOMMERCE_DATABASE": str(tmp_path / "shop.db")},
    ):
        done = subprocess.run(
            [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port=0"],
            env={"ECOMMERCE_LOG": "json", **wrong},
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert done.returncode != 0
        said = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
        assert "dashboard.py: " in said[-1]["message"]
