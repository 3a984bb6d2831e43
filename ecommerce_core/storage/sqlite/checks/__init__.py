"""Check that a database file is sound, ours, and has the right schema and valid values."""

from ecommerce_core.storage.sqlite.checks.damage_watch import DamageWatch
from ecommerce_core.storage.sqlite.checks.reader_objects import list_reader_objects
from ecommerce_core.storage.sqlite.checks.schema_check import (
    SchemaObject,
    find_additions,
    find_difference,
    list_objects,
)
from ecommerce_core.storage.sqlite.checks.soundness import find_damage, refuse_planted_journal
from ecommerce_core.storage.sqlite.checks.value_check import find_unreadable

__all__ = [
    "DamageWatch",
    "SchemaObject",
    "find_additions",
    "find_damage",
    "find_difference",
    "find_unreadable",
    "list_objects",
    "list_reader_objects",
    "refuse_planted_journal",
]
