"""Reasons for which a record is rejected."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

RECORDS = {
    "in_field": N_("{field}: {reason}"),
    "nested_too_deeply": N_("nested too deeply"),
    "not_utf8": N_("not UTF-8"),
    "wrong_type": N_("expected {wanted}, got {got}"),
    "wrong_text": N_("expected a number, got the text {value}"),
    "missing": N_("{field} is missing"),
    "too_small": N_("must be at least {limit}"),
    "too_large": N_("must be at most {limit}"),
    "empty": N_("is empty"),
    "too_long": N_("is longer than {count} characters"),
    "cut_short": N_("cut short, or half of a surrogate pair"),
    "out_of_range": N_("number out of range"),
    "malformed": N_("JSON is malformed: {what}"),
    "nul": N_("{field} contains a NUL character"),
    "twin": N_("duplicate: the record at position {position} has the same key"),
}
