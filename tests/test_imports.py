"""The arrows: which module may look at which."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "ecommerce_core"

# From the top down: a module looks at its own layer and those below it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("ui", "doctor"),
    ("streamlit_private",),
    ("installed",),
    ("application",),
    ("companion",),
    ("openapi",),
    ("data_routes",),
    ("openapi_parts",),
    ("live_route",),
    ("callbacks",),
    ("delivery",),
    ("endpoint",),
    ("served", "outcomes"),
    ("health", "metrics", "deliveries"),
    ("restore",),
    ("live_look",),
    ("worker", "watcher", "backup", "live"),
    ("ticket",),
    ("sync", "ledger"),
    ("steering",),
    ("scheduler", "registration", "peer_examination"),
    ("store",),
    ("value_check", "reader_objects"),
    ("dataset_state",),
    ("settlement", "promise_journal", "delivery_journal", "recent", "sign_outs"),
    ("reconcile", "journal", "comparison"),
    ("storage",),
    ("catalogue", "crm", "address"),
    ("task_check", "clock_cache", "schedule_table"),
    ("schedule_parsing",),
    ("gateway",),
    ("gateway_answer",),
    ("gateway_errors",),
    ("gateway_call",),
    ("backup_files",),
    ("dataset", "schema", "transactions"),
    ("decoding",),
    ("parsed",),
    ("promises",),
    ("looks",),
    ("guard",),
    ("salvage", "pieces", "formula_guard", "sqlite_file", "tokens", "simulated_time"),
    ("soundness", "schema_check", "damage_watch"),
    ("language",),
    ("words",),
    ("known_again",),
    ("rejection",),
    ("sign_in_routes", "served_paths", "security_headers", "signed_links"),
    ("replies", "logs", "presence", "refusals"),
    ("private_files",),
    ("new_file",),
    ("terminal", "line_stream"),
    ("query", "promise_record", "column"),
    ("models",),
    ("settings",),
    ("setting_values", "api_tokens"),
    ("access", "sign_in"),
    ("errors",),
    ("prefix",),
)
ONLY_IMPORTERS = {
    "requests": {"gateway"},
    "sqlite_utils": {"store"},
    "streamlit": {"ui", "streamlit_private"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(CORE.rglob("*.py")):
        name = ".".join(path.relative_to(CORE).with_suffix("").parts)
        yield name, path


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it, type checking included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def core_imports(path: Path) -> set[str]:
    known = {name for name, _ in modules()}
    return {
        name.removeprefix("ecommerce_core.")
        for name in imported(path)
        if name.startswith("ecommerce_core.") and name.removeprefix("ecommerce_core.") in known
    }


def layer_of(module: str) -> int:
    package = module.partition(".")[0]
    return next(level for level, names in enumerate(LAYERS) if package in names)


@pytest.mark.parametrize(
    "module", [n for n, _ in modules() if not n.startswith("sandbox") and n != "__init__"]
)
def test_a_module_looks_down_only(module: str) -> None:
    level = layer_of(module)
    above = {
        other
        for other in core_imports(CORE.joinpath(*module.split(".")).with_suffix(".py"))
        if not other.startswith("sandbox") and layer_of(other) < level
    }

    assert above == set()


@pytest.mark.parametrize(("package", "owners"), ONLY_IMPORTERS.items())
def test_a_package_with_few_importers_has_no_other(package: str, owners: set[str]) -> None:
    importers = {
        name
        for name, path in modules()
        if not name.startswith("sandbox")
        and any(found.split(".")[0] == package for found in imported(path))
    }

    assert importers == owners


def test_pages_reach_the_core_through_ui_and_nothing_else() -> None:
    # Types may be named; whatever does something is reached through ui.
    allowed = {
        "ui",
        "address",
        "column",
        "models",
        "query",
        "promise_record",
        "errors",
        "language",
        "dataset",
        "words",
    }
    for page in (ROOT / "pages").glob("*.py"):
        assert core_imports(page) <= allowed, page.name
        roots = {name.split(".")[0] for name in imported(page)} - sys.stdlib_module_names
        assert roots <= {"ecommerce_core", "pages", "pandas", "pyarrow", "streamlit"}, page.name


def test_the_sandbox_knows_nothing_of_the_application_that_it_feeds() -> None:
    for path in (CORE / "sandbox").glob("*.py"):
        foreign = {
            name
            for name in imported(path)
            if name.startswith("ecommerce_core") and not name.startswith("ecommerce_core.sandbox")
        }

        assert foreign == set(), path.name


def test_only_the_entry_points_start_the_sandbox() -> None:
    importers = {
        name
        for name, path in modules()
        if not name.startswith("sandbox")
        and any(found.startswith("ecommerce_core.sandbox") for found in imported(path))
    }

    assert importers == {"cli.sandbox"}
