"""What a query must not reach; the server still answers after each attempt."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from ecommerce_core.domain import (
    ExploreError,
    ExploreFailed,
    ExploreRefused,
    ExploreTimedOut,
    ExploreTooLarge,
)
from ecommerce_core.storage.explore import child
from tests.storage.explore.shop import AskedShop, opened

TIMEOUT_S, SHORT_TIMEOUT_S = 5.0, 1.5
SECRET = "the-secret-of-the-server"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedShop]:
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "secret.csv").write_text(f"{SECRET}\n")
    yield from opened(folder / "shop.db", timeout_s=TIMEOUT_S)


@pytest.fixture(scope="module")
def hasty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedShop]:
    """Yield a shop whose questions may take no time to speak of."""
    yield from opened(tmp_path_factory.mktemp("hasty") / "shop.db", timeout_s=SHORT_TIMEOUT_S)


def assert_answers(shop: AskedShop) -> None:
    assert shop.rows("SELECT count(*) FROM products") == [(30,)]


def secret_of(shop: AskedShop) -> Path:
    return shop.store.path.with_name("secret.csv")


def filled_in(sql: str, shop: AskedShop) -> str:
    return sql.format(
        secret=secret_of(shop),
        folder=shop.store.path.parent,
        database=shop.store.path,
        snapshot=snapshot_of(shop),
    )


def snapshot_of(shop: AskedShop) -> Path:
    return next(path for path in shop.snapshots.folder.glob("products.*.duckdb"))


@pytest.fixture
def engine(shop: AskedShop) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the engine of a query without the check of its statement, to test what holds then."""
    opened_engine = child.open_engine(
        attached=[("file_0", str(snapshot_of(shop)))],
        setup=["CREATE VIEW products AS FROM file_0.product"],
        memory_mb=64,
        threads=1,
    )
    yield opened_engine
    opened_engine.close()


TABLES = ("products",)
NO_SELECT = [
    "COPY products TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '/dev/fd/3'",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{database}' AS other (TYPE sqlite)",
    "ATTACH '{snapshot}' AS other",
    "DETACH file_0",
    "USE file_0",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/secret.csv'",
    "PRAGMA database_list",
    "PRAGMA show_tables",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "RESET memory_limit",
    "SET VARIABLE a = 1",
    "CREATE TEMP TABLE mine AS SELECT 1",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "CREATE SECRET mine (TYPE s3)",
    "INSERT INTO file_0.product SELECT * FROM file_0.product",
    "DELETE FROM products",
    "DROP VIEW products",
    "CALL pragma_version()",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN ANALYZE SELECT 1",
    "BEGIN",
    "VACUUM",
    "CHECKPOINT",
    "WITH x AS (COPY (SELECT 1) TO '{folder}/out.csv') SELECT 1",
    "WITH x AS (COPY products TO '{snapshot}') SELECT 1",
    "WITH x AS (INSERT INTO file_0.product SELECT * FROM products RETURNING 1) FROM x",
    "WITH x AS (DELETE FROM file_0.product RETURNING 1) FROM x",
    "WITH x AS (UPDATE file_0.product SET code = 'x' RETURNING 1) FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '/dev/fd/3') SELECT 1)",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW products",
    "SELECT 1 /* ; */; COPY products TO '{folder}/out.csv' -- ",
    "/* SELECT */ COPY products TO '{folder}/out.csv'",
    "-- only a comment",
    "",
    ";",
]


@pytest.mark.parametrize("sql", NO_SELECT)
def test_the_parser_finds_what_is_not_one_select(
    shop: AskedShop, engine: duckdb.DuckDBPyConnection, sql: str
) -> None:
    with pytest.raises((child.Refused, duckdb.ParserException)) as refused:
        child.check(engine, filled_in(sql, shop), tables=TABLES)

    assert getattr(refused.value, "code", "one_select") == "one_select"


OTHER_SOURCES = [
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{snapshot}')",
    "SELECT * FROM read_duckdb('{snapshot}')",
    "SELECT * FROM '{secret}'",
    'SELECT * FROM "{secret}"',
    "SELECT * FROM '/dev/fd/0'",
    "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM parquet_metadata('{secret}')",
    "SELECT (SELECT count(*) FROM read_text('{secret}'))",
    "SELECT 1 WHERE EXISTS (FROM read_text('{secret}'))",
    "WITH x AS (FROM read_text('{secret}')) SELECT * FROM x",
    "SELECT * FROM products, LATERAL (SELECT * FROM read_text('{secret}'))",
    "SELECT * FROM products UNION ALL BY NAME SELECT * FROM read_text('{secret}')",
    "FROM query('SELECT * FROM read_text(''{secret}'')')",
    "FROM query_table('duckdb_settings')",
    "FROM json_execute_serialized_sql('{{}}')",
    "FROM duckdb_settings()",
    "FROM duckdb_settings",
    "FROM duckdb_secrets()",
    "FROM duckdb_databases()",
    "FROM duckdb_temporary_files()",
    "FROM duckdb_tables",
    "FROM duckdb_prepared_statements()",
    "FROM pragma_database_size()",
    "FROM pragma_table_info('products')",
    "FROM information_schema.tables",
    "FROM pg_catalog.pg_settings",
    "FROM sqlite_master",
    "FROM file_0.main.product",
    "FROM file_0.product",
    "FROM memory.main.products",
    "FROM temp.main.mine",
    "SHOW TABLES",
    "SHOW DATABASES",
    "SHOW ALL TABLES",
    "DESCRIBE SELECT * FROM duckdb_settings",
    "SUMMARIZE duckdb_settings",
    "FROM sign_out",
    "FROM rejected",
    "FROM delivery",
    "FROM held",
    # A common table expression hides nothing outside its scope.
    "SELECT * FROM (WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables), duckdb_tables",
    "SELECT * FROM (WITH \"{secret}\" AS (SELECT 1) SELECT 1), '{secret}'",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT getvariable('a')",
    "SELECT sleep_ms(60000)",
    "SELECT write_log('x')",
    "SELECT nextval('x')",
    "SELECT setseed(0.5)",
    "SELECT system.main.current_setting('memory_limit')",
    "SELECT 'memory_limit'.current_setting()",
    "PIVOT duckdb_settings ON name IN ('threads') USING first(value)",
]


@pytest.mark.parametrize("sql", OTHER_SOURCES)
def test_the_parser_finds_what_is_not_of_the_public_tables(
    shop: AskedShop, engine: duckdb.DuckDBPyConnection, sql: str
) -> None:
    with pytest.raises((child.Refused, duckdb.Error)) as refused:
        child.check(engine, filled_in(sql, shop), tables=TABLES)

    assert getattr(refused.value, "code", "table") in {"table", "function"}


@pytest.mark.parametrize("sql", [*NO_SELECT[::6], *OTHER_SOURCES[::6]])
def test_a_question_that_is_refused_writes_nothing_and_the_server_answers_on(
    shop: AskedShop, sql: str
) -> None:
    folder = shop.store.path.parent
    before = {path.name for path in folder.iterdir()}

    with pytest.raises((ExploreRefused, ExploreFailed)):
        shop.ask(filled_in(sql, shop))

    assert {path.name for path in folder.iterdir()} == before
    assert_answers(shop)


SLOW = [
    "SELECT count(*) FROM range(1000000000000) AS a, range(1000000) AS b",
    "SELECT count(*) FROM products a, products b, products c, products d, products e, products f,"
    " products g, products h",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT * FROM t ORDER BY n",
    # One call that no engine interrupts.
    "SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))",
]


@pytest.mark.parametrize("sql", SLOW)
def test_a_question_without_end_is_ended(shop: AskedShop, hasty_shop: AskedShop, sql: str) -> None:
    begins_s = time.monotonic()

    with pytest.raises((ExploreTimedOut, ExploreTooLarge)):
        hasty_shop.ask(sql)

    assert time.monotonic() - begins_s < SHORT_TIMEOUT_S + 5
    assert_answers(shop)


HUGE = [
    "SELECT repeat('x', 2000000000) FROM range(10)",
    "SELECT string_agg(repeat(code, 1000), '') FROM products, range(100000)",
    "SELECT list(i) FROM range(10000000000) AS t(i)",
    "SELECT repeat('x', 100000) FROM range(1000)",
    "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS r"
    " FROM range(100000000) AS t(i))",
    "SELECT histogram(i) FROM range(100000000) AS t(i)",
]


@pytest.mark.parametrize("sql", HUGE)
def test_a_question_that_would_take_all_memory_is_ended(shop: AskedShop, sql: str) -> None:
    with pytest.raises((ExploreTooLarge, ExploreTimedOut)):
        shop.ask(sql)

    assert_answers(shop)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT {'(' * 2_900}1{')' * 2_900}",
        f"SELECT {'-' * 2_000}1",
        f"SELECT {'NOT ' * 1_400}true",
        "SELECT " + "[" * 2_500 + "]" * 2_500,
        f"SELECT 1{' UNION ALL SELECT 1' * 300}",
        "SELECT '\0'",
        "SELECT 'never closed",
        "SELECT \ud800",
        "\ufeffSELECT * FROM duckdb_settings",
    ],
)
def test_what_would_confuse_a_parser_ends_one_question_alone(shop: AskedShop, sql: str) -> None:
    try:
        shop.ask(sql).close()
    except ExploreError as error:
        assert error.code.startswith("explore_")

    assert_answers(shop)


def test_no_question_sees_what_another_left(shop: AskedShop) -> None:
    for sql in ("CREATE TEMP TABLE mine AS SELECT 1", "SELECT 1 AS a"):
        with suppress(ExploreRefused):
            shop.ask(sql).close()

    with pytest.raises(ExploreRefused):
        shop.ask("FROM mine")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "COPY products TO '{folder}/out.csv'",
        "COPY products TO '{snapshot}'",
        "WITH x AS (COPY (SELECT 1) TO '{folder}/out.csv') SELECT 1",
        "WITH x AS (COPY (SELECT 1) TO '{snapshot}') SELECT 1",
        "WITH x AS (COPY (SELECT 1) TO '/dev/fd/1') SELECT 1",
        "ATTACH '{folder}/new.duckdb'",
        "EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '100GB'",
        "CREATE PERSISTENT SECRET s (TYPE http)",
        "DELETE FROM file_0.product",
        "DROP TABLE file_0.product",
    ],
)
def test_the_engine_itself_opens_and_changes_nothing(
    shop: AskedShop, engine: duckdb.DuckDBPyConnection, sql: str
) -> None:
    folder = shop.store.path.parent
    before = {path.name for path in folder.iterdir()}

    with pytest.raises(duckdb.Error):
        engine.execute(filled_in(sql, shop))

    assert {path.name for path in folder.iterdir()} == before


def test_the_process_has_none_of_the_servers_environment(
    shop: AskedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOMMERCE_API_TOKENS", SECRET)
    asked = shop.explorer.start(SLOW[0])
    environments = []
    while not asked.wait(0.02):
        for process in children():
            environments.append(Path(f"/proc/{process}/environ").read_bytes())
            asked.cancel()

    assert environments
    assert SECRET.encode() not in b"".join(environments)


def test_a_process_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    # As a killed server leaves it: the other end of its standard input is closed.
    with (tmp_path / "rows").open("wb") as rows:
        process = subprocess.Popen(
            [sys.executable, "-I", child.__file__, str(rows.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=(rows.fileno(),),
        )
        assert process.stdin is not None
        process.stdin.write(
            b'{"attached": [], "setup": [], "tables": [], "rows": 1, "file_mb": 1, "memory_mb": 64,'
            b' "threads": 1, "cpu_s": 60, "sql": "SELECT count(*) FROM range(1000000000000)"}\n'
        )
        process.stdin.close()

        assert process.wait(10) == 1


def children() -> list[int]:
    """Return the ids of the processes that this one has started for queries."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            numbers = (task / "children").read_text().split()
            found += [n for n in numbers if b"child.py" in Path(f"/proc/{n}/cmdline").read_bytes()]
        except OSError:
            continue
    return [int(number) for number in found if int(number) != os.getpid()]
