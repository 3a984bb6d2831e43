"""Why a record could not be taken, in words that a person can act upon."""

from __future__ import annotations

import re

# How much of a rejected record the journal keeps.
RECORD_CHARS_KEPT = 2_048

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}


class Rejection(ValueError):
    """A record breaks a rule that its types cannot express. The message is the reason."""


def reason_in_words(error: BaseException) -> str:
    """The reason behind a decoding error, without the decoder's jargon. Pure."""
    if isinstance(error, Rejection):
        return str(error)
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    message, _, path = str(error).partition(" - at `")
    where = path.rstrip("`").removeprefix("$").lstrip(".")
    said = _in_words(message)
    return f"{where}: {said}" if where and not where.startswith("[") else said


def _in_words(message: str) -> str:
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", message):
        return f"expected {_types(found[1])}, got {_types(found[2])}"
    if found := re.fullmatch(r"Object missing required field `(.+)`", message):
        return f"{found[1]} is missing"
    if found := re.fullmatch(r"Expected `\w+` >= (\S+)", message):
        return f"must be at least {found[1]}"
    if found := re.fullmatch(r"Expected `\w+` <= (\S+)", message):
        return f"must be at most {found[1]}"
    if re.fullmatch(r"Expected `str` of length >= 1", message):
        return "is empty"
    if found := re.fullmatch(r"Expected `str` of length <= (\d+)", message):
        return f"is longer than {int(found[1]):,} characters"
    if message == "Input data was truncated":
        # The decoder says the same of half a surrogate pair.
        return "cut short, or half of a surrogate pair"
    # "JSON is malformed" keeps its capitals, "Number out of range" does not.
    return message if message[:2].isupper() else message[:1].lower() + message[1:]


def _types(names: str) -> str:
    return " or ".join(_TYPES.get(name.strip(), name.strip()) for name in names.split("|"))
