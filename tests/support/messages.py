"""The texts of the user interface: found in the sources, kept in the catalogues of every language.

``python -m tests.support.messages`` updates ``messages.po`` from the sources and compiles
``messages.mo``; untranslated texts stay empty for a person to fill in, and the tests list them.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "ecommerce_core" / "domain" / "locale" / "fr" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")

# A date would make every update a change.
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)

# Set here, since newer Babels give French a third form, for "2 millions de": ours are digits.
PLURAL_FORMS = "nplurals=2; plural=(n > 1);"

MessageId = str | tuple[str, str]

# The calls whose argument is a text: of a page, and a marked one.
_SINGLE = {"_", "N_"}


def sources() -> list[Path]:
    """List the files with texts of the user interface, which the embedded peers have none of."""
    found = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "ecommerce_core").rglob("*.py")]
    return sorted(path for path in found if path.parent.name != "sandbox")


def found_messages() -> dict[MessageId, list[tuple[str, int]]]:
    """Return every text of the sources with its place. Babel does not look into f-strings."""
    found: dict[MessageId, list[tuple[str, int]]] = {}
    for path in sources():
        where = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            for message in [] if id(node) in prose else _messages_of(node):
                found.setdefault(message, []).append((where, getattr(node, "lineno", 0)))
    return found


def _messages_of(node: ast.AST) -> Iterator[MessageId]:
    if not isinstance(node, ast.Call) or not node.args:
        return
    function = node.func
    name = getattr(function, "id", None) or getattr(function, "attr", "")
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name in _SINGLE and texts and isinstance(node.args[0], ast.Constant):
        yield texts[0]
    elif name == "plural" and len(texts) == 2:
        yield (texts[0], texts[1])


def read_catalogue() -> Catalog:
    """Read the French catalogue of the repository."""
    with PO.open("rb") as file:
        return read_po(file, locale="fr")


def compiled(catalogue: Catalog) -> bytes:
    """Return the ``.mo`` of a catalogue."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update() -> list[MessageId]:
    """Update the catalogue from the sources; return the texts without a translation."""
    old = read_catalogue() if PO.exists() else Catalog(locale="fr")
    new = Catalog(locale="fr", project="ecommerce-dashboard", charset="utf-8", fuzzy=False)
    new.creation_date = new.revision_date = EPOCH
    new.mime_headers = [("Plural-Forms", PLURAL_FORMS)]
    new.header_comment = (
        "# French texts of the dashboard; brought up to date by tests/support/messages.py."
    )
    missing: list[MessageId] = []
    for message, places in sorted(found_messages().items(), key=lambda item: item[1][0]):
        known = old.get(message[0] if isinstance(message, tuple) else message)
        translation = known.string if known is not None else ""
        files = sorted({(path, 0) for path, _line in places})
        new.add(message, translation, locations=files)
        if not translation or (isinstance(translation, tuple) and not all(translation)):
            missing.append(message)
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, new, width=100, sort_output=False, omit_header=False)
    MO.write_bytes(compiled(read_catalogue()))
    return missing


if __name__ == "__main__":
    wanting = update()
    for wanted in wanting:
        print(f"not translated: {wanted!r}")
    sys.exit(bool(wanting))
