"""The program that answers one query of the explore page, in a process of its own.

It is run by its path and imports nothing of ours: it starts in a quarter of a second, and has no
settings, no secrets and no connection to anything. The SQL is untrusted. Three things confine it: a
check by DuckDB's own parser that it is one SELECT of the known tables, an engine that may open
nothing more and whose settings are locked, and the limits of the operating system. The latter also
hold where an engine's own do not: for a text of a gigabyte, or one function call that takes hours.
The parent process ends it by killing it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

ROWS_PER_BATCH = 10_000
# Beside the engine's memory: Python, libraries, the stacks of threads.
BASE_MB = 512
MESSAGE_CHARS = 1_000

CONFIG: Mapping[str, str | int | bool] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
# What a query may select from beside tables, common table expressions and subqueries.
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_FROM = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "PIVOT", "TABLE_FUNCTION"}
    | {"SHOW_REF", "COLUMN_DATA"}
)
# A common table expression may be an INSERT or a COPY as well, and the statement is a SELECT then.
_READS = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
# Functions with side effects, or that reveal more than rows. Of those that have side effects
# according to DuckDB, these few are harmless.
_HARMLESS = frozenset({"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "error"})
_TELLTALE = frozenset(
    {"current_setting", "getenv", "getvariable", "current_query", "current_database"}
    | {"current_schemas", "finalize", "combine", "pg_typeof_internal"}
)


class Refused(Exception):  # noqa: N818
    """The query asks for something that is not allowed. ``code`` is its kind, ``name`` its name."""

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.name = name


def open_engine(
    *, attached: Sequence[tuple[str, str]], setup: Sequence[str], memory_mb: int, threads: int
) -> duckdb.DuckDBPyConnection:
    """Open an engine with the public tables, which can open nothing more. Raises duckdb.Error."""
    config: Any = {**CONFIG, "memory_limit": f"{memory_mb}MB", "threads": threads}
    engine = duckdb.connect(config=config)
    for name, path in attached:
        quoted = path.replace("'", "''")
        engine.execute(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
    for statement in setup:
        engine.execute(statement)
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def check(engine: duckdb.DuckDBPyConnection, sql: str, *, tables: Sequence[str]) -> str:
    """Return ``sql``, one allowed SELECT. Raises Refused, and duckdb.Error if it is no SQL."""
    statements = engine.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise Refused("one_select")
    [told] = engine.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or [""]
    tree = json.loads(told)
    if tree.get("error", True):
        raise Refused("one_select")
    nodes = list(_nodes(tree))
    kinds = {str(node.get("type")) for node in nodes}
    if any(kind.endswith("_NODE") and kind not in _READS for kind in kinds):
        raise Refused("one_select")
    known = {*tables, *_own_tables(engine, nodes, tables)}
    denied = _denied_functions(engine)
    for node in nodes:
        _check_source(node, known)
        name = str(node.get("function_name", "")).lower()
        if name in denied:
            raise Refused("function", name)
    return sql


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the parsed statement, without recursion, whose depth is limited."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _own_tables(
    engine: duckdb.DuckDBPyConnection, nodes: Sequence[Mapping[str, Any]], tables: Sequence[str]
) -> Iterator[str]:
    """Yield the names of common table expressions.

    Raises Refused if the engine would find such a name outside ``tables``: outside the expression's
    scope, the name refers to that.
    """
    for node in nodes:
        for entry in (node.get("cte_map") or {}).get("map", []):
            name = str(entry["key"]).lower()
            if name not in tables and _is_found(engine, name):
                raise Refused("table", name)
            yield name


def _is_found(engine: duckdb.DuckDBPyConnection, name: str) -> bool:
    quoted = name.replace('"', '""')
    try:
        engine.execute(f'SELECT 1 FROM "{quoted}" LIMIT 0')
    except duckdb.CatalogException:
        return False
    except duckdb.Error:  # the engine would open it, if that were allowed
        return True
    return True


def _check_source(node: Mapping[str, Any], known: set[str]) -> None:
    """Raise Refused unless it selects from ``known`` tables or a few functions."""
    if "sample" not in node or "alias" not in node:
        return  # not an item of a FROM clause
    kind = node.get("type")
    if kind not in _FROM:
        raise Refused("table", str(kind).lower())
    if kind == "BASE_TABLE":
        name = str(node.get("table_name", "")).lower()
        if node.get("schema_name") or node.get("catalog_name") or name not in known:
            raise Refused("table", name)
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise Refused("function", name)
    if kind == "SHOW_REF" and not node.get("query"):
        raise Refused("table", str(node.get("table_name", "")).lower().strip('"'))


def _denied_functions(engine: duckdb.DuckDBPyConnection) -> frozenset[str]:
    sql = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE has_side_effects"
    found = {str(name).lower() for (name,) in engine.execute(sql).fetchall()}
    return frozenset((found | _TELLTALE) - _HARMLESS)


def kind_and_cell(declared: str, column: str) -> tuple[str, str]:
    """Return the kind of a result's column, and SQL that converts its values to common types."""
    kind = declared.upper()
    if kind in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}:
        return "number", f"CAST({column} AS BIGINT)"
    if kind in {"HUGEINT", "UHUGEINT", "UBIGINT"}:  # also a sum of whole numbers
        return "number", f"CAST({column} AS DECIMAL(38, 0))"
    if kind in {"FLOAT", "DOUBLE"}:  # files cannot hold infinity or NaN
        return "number", f"CASE WHEN isfinite({column}) THEN CAST({column} AS DOUBLE) END"
    if kind.startswith("DECIMAL("):
        return "number", column
    if kind == "DATE":
        return "date", _within_calendar(column)
    if kind.startswith("TIMESTAMP"):
        return "moment", _within_calendar(f"CAST({column} AS TIMESTAMP)")
    return "text", f"CAST({column} AS VARCHAR)"


def decimals_of(declared: str) -> int | None:
    """Return the number of decimals of a type, or None if it is not fixed."""
    return int(declared[:-1].split(",")[1]) if declared.startswith("DECIMAL(") else None


def _within_calendar(cell: str) -> str:
    """Make moments NULL that Python cannot hold: infinite, before the year 1 or after 9999."""
    return f"CASE WHEN {cell} BETWEEN '0001-01-01' AND '9999-12-31' THEN {cell} END"


def unique(names: Sequence[str]) -> list[str]:
    """Make the names of the columns unique: a file cannot have two columns of one name."""
    taken: set[str] = set()
    found = []
    for name in names:
        number, own = 1, name
        while own.lower() in taken:
            number += 1
            own = f"{name}_{number}"
        taken.add(own.lower())
        found.append(own)
    return found


def run(engine: duckdb.DuckDBPyConnection, sql: str, out: BinaryIO, *, rows: int) -> dict[str, Any]:
    """Write at most ``rows`` rows into ``out``; return their description. Raises duckdb.Error."""
    asked = engine.sql(sql)
    types = [str(one) for one in asked.types]
    cells = [kind_and_cell(one, f"#{number}") for number, one in enumerate(types, 1)]
    decimals = [decimals_of(one) for one in types]
    told = ", ".join(f'{cell} AS "c{number}"' for number, (_kind, cell) in enumerate(cells))
    names = unique(asked.columns)
    # One row more than wanted shows that there are more.
    batches = asked.limit(rows + 1).project(told).to_arrow_reader(ROWS_PER_BATCH)
    count = 0
    with pa.ipc.new_stream(out, batches.schema) as stream:
        for batch in batches:
            stream.write_batch(batch.slice(0, rows - count))
            count += batch.num_rows
            if count > rows:
                break
    kinds = [kind for kind, _cell in cells]
    columns = list(zip(names, kinds, decimals, strict=True))
    return {"status": "ok", "rows": min(count, rows), "is_cut": count > rows, "columns": columns}


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a query, or return the reason why it is not answered."""
    try:
        engine = open_engine(
            attached=asked["attached"],
            setup=asked["setup"],
            memory_mb=asked["memory_mb"],
            threads=asked["threads"],
        )
    except duckdb.Error as error:  # a file was replaced meanwhile
        return {"status": "not_read", "message": str(error)[:MESSAGE_CHARS]}
    try:
        sql = check(engine, asked["sql"], tables=asked["tables"])
        with open(asked["result_fd"], "wb", closefd=False) as out:
            return run(engine, sql, out, rows=asked["rows"])
    except Refused as refused:
        return {"status": "refused", "code": refused.code, "name": refused.name[:100]}
    except (duckdb.OutOfMemoryException, MemoryError, OSError):  # OSError: the file is full
        return {"status": "too_large"}
    except duckdb.IOException as error:  # of our files: no question opens another
        return {"status": "not_read", "message": str(error)[:MESSAGE_CHARS]}
    except (duckdb.Error, RecursionError, ValueError) as error:
        return {"status": "failed", "message": str(error)[:MESSAGE_CHARS]}


def limit(*, memory_mb: int, cpu_s: int, file_mb: int) -> None:
    """Make the operating system enforce the limits that the engine does not."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, cpu_s)
    _lower(resource.RLIMIT_FSIZE, file_mb * 2**20)
    _lower(resource.RLIMIT_DATA, (memory_mb + BASE_MB) * 2**20)
    os.nice(5)  # pages take precedence
    # If memory is short, the system kills this process and not the server.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _lower(kind: int, most: int) -> None:
    """Lower a limit, for good; one that is lower already stays."""
    _soft, hard = resource.getrlimit(kind)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def end_with_the_server() -> None:
    """End when the server ends in any way: standard input is closed then."""

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Read the query from the first line; answer with a line of JSON and the rows."""
    asked = json.loads(os.fdopen(0, "rb", buffering=0, closefd=False).readline())
    asked["result_fd"] = int(sys.argv[1])
    end_with_the_server()
    limit(memory_mb=asked["memory_mb"], cpu_s=asked["cpu_s"], file_mb=asked["file_mb"])
    told = answer(asked)
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Threads of the engine that still run are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
