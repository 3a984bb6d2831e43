"""Why a record could not be taken, in words that a person can act upon.

The journal keeps a reason in English. Each is a template, by which it is known again and
told in the reader's language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# How much of a rejected record the journal keeps.
RECORD_CHARS_KEPT = 2_048


@dataclass(frozen=True, slots=True)
class Reason:
    """The template of a reason. What fills in ``{field}`` has no blanks."""

    template: str

    def of(self, **details: object) -> str:
        """The reason in full."""
        return self.template.format(**details)


TYPES = {
    "int": Reason("a whole number"),
    "float": Reason("a number"),
    "str": Reason("a text"),
    "bool": Reason("true or false"),
    "null": Reason("null"),
    "object": Reason("an object"),
    "array": Reason("a list"),
}
OR = Reason(" or ")
# What stands before any of the following, where one field is at fault.
IN_FIELD = Reason("{field}: {reason}")
NESTED = Reason("nested too deeply")
NO_UTF8 = Reason("not UTF-8")
WRONG_TYPE = Reason("expected {wanted}, got {got}")
WRONG_TEXT = Reason("expected a number, got the text {value}")
MISSING = Reason("{field} is missing")
TOO_SMALL = Reason("must be at least {limit}")
TOO_LARGE = Reason("must be at most {limit}")
EMPTY = Reason("is empty")
TOO_LONG = Reason("is longer than {count} characters")
CUT = Reason("cut short, or half of a surrogate pair")
OUT_OF_RANGE = Reason("number out of range")
MALFORMED = Reason("JSON is malformed: {what}")
NUL = Reason("{field} contains a NUL character")
TWIN = Reason("duplicate: the record at position {position} has the same key")
# In the order in which a text is tried as one of them.
REASONS = (
    *(NESTED, NO_UTF8, WRONG_TEXT, WRONG_TYPE, MISSING, TOO_SMALL, TOO_LARGE, EMPTY, TOO_LONG),
    *(CUT, OUT_OF_RANGE, MALFORMED, NUL, TWIN),
)


class Rejection(ValueError):
    """A record breaks a rule that its types cannot express. The message is the reason."""


def reason_in_words(error: BaseException) -> str:
    """The reason behind a decoding error, without the decoder's jargon. Pure."""
    if isinstance(error, Rejection):
        return str(error)
    if isinstance(error, RecursionError):
        return NESTED.template
    if isinstance(error, UnicodeDecodeError):
        return NO_UTF8.template
    message, _, path = str(error).partition(" - at `")
    where = path.rstrip("`").removeprefix("$").lstrip(".")
    said = _in_words(message)
    return IN_FIELD.of(field=where, reason=said) if where and where[0] != "[" else said


def _in_words(message: str) -> str:
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", message):
        return WRONG_TYPE.of(wanted=_types(found[1]), got=_types(found[2]))
    if found := re.fullmatch(r"Object missing required field `(.+)`", message):
        return MISSING.of(field=found[1])
    if found := re.fullmatch(r"Expected `\w+` >= (\S+)", message):
        return TOO_SMALL.of(limit=found[1])
    if found := re.fullmatch(r"Expected `\w+` <= (\S+)", message):
        return TOO_LARGE.of(limit=found[1])
    if re.fullmatch(r"Expected `str` of length >= 1", message):
        return EMPTY.template
    if found := re.fullmatch(r"Expected `str` of length <= (\d+)", message):
        return TOO_LONG.of(count=f"{int(found[1]):,}")
    if message == "Input data was truncated":
        # The decoder says the same of half a surrogate pair.
        return CUT.template
    # "JSON is malformed" keeps its capitals, "Number out of range" does not.
    return message if message[:2].isupper() else message[:1].lower() + message[1:]


def _types(names: str) -> str:
    found = [name.strip() for name in names.split("|")]
    return OR.template.join(TYPES[name].template if name in TYPES else name for name in found)
