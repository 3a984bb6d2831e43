"""The arrows: which package may import which, and only from its ``__init__``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "ecommerce_core"

EVERYBODYS = {"domain", "settings", "logs"}
# From the bottom up: each may import those that it names.
ARROWS: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},
    "logs": {"domain"},
    "datasets": EVERYBODYS,
    "gateway": EVERYBODYS,
    "storage": EVERYBODYS | {"datasets"},
    "sync": EVERYBODYS | {"datasets", "gateway", "storage"},
    "scheduler": EVERYBODYS | {"datasets", "gateway", "storage", "sync"},
    "alerts": EVERYBODYS | {"datasets", "gateway", "storage", "sync", "scheduler"},
    "live": EVERYBODYS | {"datasets", "gateway", "storage", "sync", "scheduler"},
    "application": EVERYBODYS
    | {"datasets", "gateway", "storage", "sync", "scheduler", "live", "alerts"},
    "companion": EVERYBODYS
    | {"datasets", "gateway", "storage", "sync", "scheduler", "live", "alerts", "application"},
    "cli": EVERYBODYS
    | {"datasets", "gateway", "storage", "sync", "scheduler", "live", "alerts", "application"}
    | {"sandbox"},
    "sandbox": set(),
    "__main__": {"cli"},
}
# The packages of the pages, from the bottom up; a page may import all of them.
PAGES = ("ui", "runs", "schedule", "dataset", "home", "explore_page")
ONLY_IMPORTERS = {
    "requests": {"ecommerce_core.gateway.client"},
    "sqlite_utils": {"ecommerce_core.storage.sqlite.migrations"},
    "streamlit": set(),
}


class Import(NamedTuple):
    """``from module import name``, or ``import module`` if the name is empty."""

    module: str
    name: str


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[Import]:
    """Yield every import of a file, anywhere in it, type checking included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (Import(node.module or "", alias.name) for alias in node.names)


def packages_of_core(path: Path) -> set[str]:
    """Return the packages of the core that a file imports: their first names."""
    found = set()
    for module, name in imports_of(path):
        root, _, rest = module.partition(".")
        if root == "ecommerce_core":
            found.add((rest or name).partition(".")[0])
    return found - {"__version__"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def is_package(module: str) -> bool:
    return (ROOT / Path(*module.split(".")) / "__init__.py").exists()


def exported(package: str) -> set[str]:
    tree = ast.parse((ROOT / Path(*package.split(".")) / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_every_package_of_the_core_has_its_arrows() -> None:
    found = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or is_core_package(path)}

    assert found - {"__init__"} == set(ARROWS)


def is_core_package(path: Path) -> bool:
    return (path / "__init__.py").exists()


@pytest.mark.parametrize("package", ARROWS)
def test_a_package_looks_down_only(package: str) -> None:
    folder, module = CORE / package, CORE / f"{package}.py"
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [module]:
        assert packages_of_core(path) <= ARROWS[package] | {package}, module_of(path)


@pytest.mark.parametrize(
    "path", [*sources("ecommerce_core", "pages"), ROOT / "dashboard.py"], ids=module_of
)
def test_a_module_is_imported_from_the_face_of_its_package(path: Path) -> None:
    importer = module_of(path)
    for module, name in imports_of(path):
        parts = module.split(".")
        if parts[0] != "ecommerce_core" or len(parts) < 2 or not is_package(".".join(parts[:2])):
            continue
        top = ".".join(parts[:2])
        if parts[1] in {"sandbox", "cli"} or is_inside(importer, top):
            # A package's modules may import each other and the ``__init__`` of its packages.
            owner = module if is_package(module) else module.rpartition(".")[0]
            allowed = is_package(module) or is_inside(importer, owner)
            assert allowed, f"{importer} looks into {owner}"
            continue
        assert module == top, f"{importer} looks into {top}"
        assert name in exported(top), f"{importer} takes {name}, which is not on the face of {top}"


def is_inside(importer: str, package: str) -> bool:
    return importer == package or importer.startswith(f"{package}.")


def test_the_faces_name_what_is_there_and_say_what_is_inside() -> None:
    for package in sorted(path.parent for path in CORE.rglob("*/__init__.py")):
        tree = ast.parse((package / "__init__.py").read_text("utf-8"))
        assert ast.get_docstring(tree), package
        names = exported(module_of(package / "__init__.py"))
        there = {name for _module, name in imports_of(package / "__init__.py")}
        assert names <= there or package.name in {"cli"}, package


@pytest.mark.parametrize(("package", "owners"), ONLY_IMPORTERS.items())
def test_a_library_with_few_importers_has_no_other(package: str, owners: set[str]) -> None:
    importers = {
        module_of(path)
        for path in sources("ecommerce_core")
        if "sandbox" not in path.parts
        and any(found.module.split(".")[0] == package for found in imports_of(path))
    }

    assert importers == owners


def test_only_the_storage_knows_the_engine_of_its_snapshots() -> None:
    for path in sources("ecommerce_core", "pages"):
        if any(found.module.partition(".")[0] == "duckdb" for found in imports_of(path)):
            assert is_inside(module_of(path), "ecommerce_core.storage"), module_of(path)


def test_pages_reach_the_core_through_ui_and_nothing_else() -> None:
    # Types may be named; anything that acts is reached through ui.
    doors = {"pages.ui.session", "pages.ui.current_application", "pages.ui.exploring"}
    for path in sources("pages"):
        if module_of(path) not in doors:
            assert packages_of_core(path) <= {"domain", "datasets"}, module_of(path)
        roots = {found.module.split(".")[0] for found in imports_of(path)} - sys.stdlib_module_names
        allowed = {"ecommerce_core", "pages", "pandas", "pyarrow", "streamlit"}
        assert roots <= allowed, module_of(path)


@pytest.mark.parametrize("package", PAGES)
def test_the_parts_of_pages_look_down_only(package: str) -> None:
    below = {"pages", *(f"pages.{name}" for name in PAGES[: PAGES.index(package) + 1])}
    for path in sources(f"pages/{package}"):
        if module_of(path) == "pages.ui.header":
            continue  # every page begins with it, and it reports the runs that have ended
        for module, name in imports_of(path):
            if module.partition(".")[0] == "pages":
                full = module if module != "pages" else f"pages.{name}"
                assert ".".join(full.split(".")[:2]) in below, module_of(path)


def test_only_the_entry_points_start_the_sandbox() -> None:
    importers = {
        module_of(path)
        for path in sources("ecommerce_core", "pages")
        if "sandbox" in packages_of_core(path) and path.parent.name != "sandbox"
    }

    assert importers == {"ecommerce_core.cli.sandbox"}


def test_what_tests_share_is_in_no_test() -> None:
    for path in sources("tests", "bench"):
        shared = {part for found in imports_of(path) for part in found.module.split(".")}
        assert not {part for part in shared if part.startswith("test_")}, module_of(path)
