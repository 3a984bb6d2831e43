"""Violations that axe-core finds on a page, in light and in dark."""

from __future__ import annotations

import os
import re
from typing import Literal

import pytest

from tests.browser.visitor import Visitor, expect

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("axe-playwright-python is not installed", allow_module_level=True)

# Streamlit's own violations, which cannot be repaired here: axe's rule, and a part of the markup.
STREAMLITS_OWN: tuple[tuple[str, str], ...] = (
    # A toast has a text, and no way to name it.
    ("aria-dialog-name", 'data-testid="stToast"'),
)


def violations(visitor: Visitor) -> list[str]:
    """Return the violations on the present page, an element a line, without Streamlit's own."""
    found = Axe().run(visitor.page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in found
        for node in violation["nodes"]
        if not any(
            violation["id"] == rule and markup in node["html"] for rule, markup in STREAMLITS_OWN
        )
    ]


def check(visitor: Visitor) -> list[str]:
    """Return the violations on the page in light and in dark."""
    found = []
    schemes: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 255), ("dark", 18))
    for scheme, shade in schemes:
        visitor.page.emulate_media(color_scheme=scheme)
        background = re.compile(rf"rgb\({shade}, ")
        expect(visitor.page.get_by_test_id("stApp")).to_have_css("background-color", background)
        found += [f"{scheme}: {said}" for said in violations(visitor)]
    return found
