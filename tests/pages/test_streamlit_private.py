"""The private parts of Streamlit: which there are, and what happens if one is missing."""

from __future__ import annotations

import ast
import logging

import pytest
from streamlit.elements.lib import agent_spec
from streamlit.runtime import scriptrunner

from ecommerce_core.domain import Access, Role
from ecommerce_core.settings import PROJECT_ROOT
from pages.ui import streamlit_private

# The documented modules of Streamlit; the others are private.
PUBLIC = {"streamlit", "streamlit.testing.v1"}


@pytest.fixture(autouse=True)
def nothing_was_told() -> None:
    streamlit_private._told.clear()


def test_private_modules_of_streamlit_are_imported_by_one_module_alone() -> None:
    files = [
        PROJECT_ROOT / "dashboard.py",
        *(PROJECT_ROOT / "pages").rglob("*.py"),
        *(PROJECT_ROOT / "ecommerce_core").rglob("*.py"),
    ]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                of_itself = node.module == "streamlit"
                names += [f"streamlit.{a.name}" for a in node.names] if of_itself else []
                names += [] if of_itself else [node.module or ""]
            private = {n for n in names if n.split(".")[0] == "streamlit"} - PUBLIC
            found |= {(file.name, name) for name in private}

    assert found == {
        ("streamlit_private.py", "streamlit.elements.lib"),
        ("streamlit_private.py", "streamlit.runtime.scriptrunner"),
    }


def test_what_is_asked_for_is_there() -> None:
    assert callable(agent_spec.is_recording)
    assert streamlit_private.is_agent_session() is False
    assert streamlit_private.is_history_navigation() is False


@pytest.mark.parametrize("loss", ["gone", "no function", "another answer"])
def test_if_agents_cannot_be_told_from_people_nobody_is_an_operator(
    loss: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if loss == "gone":
        monkeypatch.delattr(agent_spec, "is_recording")
    else:
        told = None if loss == "no function" else (lambda: None)
        monkeypatch.setattr(agent_spec, "is_recording", told)
    with caplog.at_level(logging.ERROR):
        answers = [streamlit_private.is_agent_session() for _ in range(3)]

    assert answers == [True, True, True]
    actor = Access().actor({}, is_agent=answers[0])
    assert actor is not None
    assert actor.role is Role.ANALYST
    assert len(caplog.records) == (0 if loss == "another answer" else 1)


def test_if_steps_in_history_cannot_be_told_none_is_taken_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scriptrunner, "get_script_run_ctx", object)

    assert streamlit_private.is_history_navigation() is False
