"""The reason of a rejected record, as a code and details."""

from __future__ import annotations

import re

from ecommerce_core.domain.messages import Fact, make_fact, said

# The characters of a rejected record that the journal keeps.
RECORD_CHARS_KEPT = 2_048


class Rejection(ValueError):
    """A record breaks a rule that its types cannot express: ``fact`` is the reason."""

    def __init__(self, code: str, **details: object) -> None:
        self.fact = make_fact(code, **details)
        super().__init__(code)


def reason_of_decoding(error: BaseException) -> Fact:
    """Return the reason behind a decoding error, without the decoder's jargon. Pure."""
    if isinstance(error, Rejection):
        return error.fact
    if isinstance(error, RecursionError):
        return make_fact("nested_too_deeply")
    if isinstance(error, UnicodeDecodeError):
        return make_fact("not_utf8")
    message, _, path = str(error).partition(" - at `")
    where = path.rstrip("`").removeprefix("$").lstrip(".")
    fact = _fact_of(message)
    if not where or where[0] == "[":
        return fact
    inner = fact.details.get("field")
    return make_fact(fact.code, **{**fact.details, "field": f"{where}.{inner}" if inner else where})


def _fact_of(message: str) -> Fact:
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", message):
        return make_fact("wrong_type", wanted=_types(found[1]), got=_types(found[2]))
    if found := re.fullmatch(r"Object missing required field `(.+)`", message):
        return make_fact("missing", field=found[1])
    if found := re.fullmatch(r"Expected `\w+` >= (\S+)", message):
        return make_fact("too_small", limit=found[1])
    if found := re.fullmatch(r"Expected `\w+` <= (\S+)", message):
        return make_fact("too_large", limit=found[1])
    if re.fullmatch(r"Expected `str` of length >= 1", message):
        return make_fact("empty")
    if found := re.fullmatch(r"Expected `str` of length <= (\d+)", message):
        return make_fact("too_long", count=int(found[1]))
    if found := re.fullmatch(r"JSON is malformed: (.+)", message, re.DOTALL):
        return make_fact("malformed", what=found[1])
    if message == "Input data was truncated":
        # The decoder reports half of a surrogate pair with the same message.
        return make_fact("cut_short")
    if message == "Number out of range":
        return make_fact("out_of_range")
    return said(message)


def _types(names: str) -> list[str]:
    return [name.strip() for name in names.split("|")]
