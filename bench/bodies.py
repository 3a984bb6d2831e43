"""Write answers of catalogue-produit into files, of any size, without holding them in memory."""

from __future__ import annotations

import json
from pathlib import Path

FAMILIES = ("Frigos", "Console", "TV", "Ordinateurs", "Fours", "Enceintes")


# Three quarters of a French shop's texts have an accent or a typographic apostrophe.
_TEXTS = (
    "{family} à tiroirs, crème d’été, réf. {number}",
    "{family} frontal 8 kg, inox, ref. {number}",
    "{family} rétroéclairé, séchage différé, n° {number}",
    "{family} Orphée, garantie prolongée, modèle {number}",
)


def _description(number: int, family: str) -> str:
    return _TEXTS[number % len(_TEXTS)].format(family=family, number=number)


def write_answer(path: Path, rows: int, *, changed_every: int = 0) -> int:
    """Write an answer of ``rows`` products, and return its size in bytes.

    ``changed_every``: one product of so many has another price than in the first answer, 0 for
    none. The keys come in the peer's order, which is not the table's.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write('{"produits": [')
        for number in range(rows):
            changed = bool(changed_every) and number % changed_every == 0
            family = FAMILIES[number * 7 % len(FAMILIES)]
            product = {
                "id": number + 1,
                "codeProduit": f"X1-{number}",
                "familleProduit": family,
                "descriptionProduit": _description(number, family),
                "quantiteMin": 5 + number % 4 * 5,
                "packaging": 1 + number % 6,
                "prix": 100 + number * 7919 % 99_900 + changed,
            }
            file.write((", " if number else "") + json.dumps(product, ensure_ascii=False))
        file.write("]}")
    return path.stat().st_size
