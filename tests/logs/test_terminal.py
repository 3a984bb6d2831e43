"""Text of strangers in a terminal or the log: plain, on one line, and not too long."""

from __future__ import annotations

import io
import json
import logging
import sys
import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.logs import terminal_safe
from ecommerce_core.logs.line_stream import LineStream, SharedStream
from ecommerce_core.logs.logs import JsonFormatter, TextFormatter


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("été, 12 € – « ça »", "été, 12 € – « ça »"),
        ("12\u00a0€ 1\u202f000", "12\u00a0€ 1\u202f000"),
        ("日本 עברית emoji 🙂", "日本 עברית emoji 🙂"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("\x9b31m\x85\x7f\0", "\\x9b31m\\x85\\x7f\\x00"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202eevil\u2066x\u2069\u200f", "\\u202eevil\\u2066x\\u2069\\u200f"),
        ("a\u200bb\u2060c\ufeffd\u00ade", "a\\u200bb\\u2060c\\ufeffd\\xade"),
        ("\u3164\u115f\ufe0f\u034f\u2800", "\\u3164\\u115f\\ufe0f\\u034f\\u2800"),
        ("\ud800x\udfff", "\\ud800x\\udfff"),
        ("\U000e0041\U000e0100", "\\U000e0041\\U000e0100"),
        ("", ""),
    ],
)
def test_a_text_does_nothing_to_a_terminal_and_shows_what_is_in_it(text: str, shown: str) -> None:
    assert terminal_safe(text) == shown


def test_no_character_at_all_controls_a_terminal() -> None:
    for code in range(sys.maxunicode + 1):
        for sign in terminal_safe(chr(code)):
            assert unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(), max_size=50), st.integers(1, 60))
def test_a_text_is_one_line_and_no_longer_than_is_wanted(text: str, longest: int) -> None:
    safe = terminal_safe(text, longest=longest)

    assert len(safe) <= longest
    assert "\n" not in safe
    safe.encode()


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("who\x1b[2J", logging.ERROR, "x.py", 1, message, args, None)


def test_a_log_line_for_people_takes_no_escapes_no_breaks_and_not_thirty_kilobytes() -> None:
    line = TextFormatter().format(record("said %s", "\x1b[31m\nFAKE \u202e" + "A" * 30_000))

    assert "\x1b" not in line
    assert "\n" not in line
    assert "\u202e" not in line
    assert r"said \x1b[31m\nFAKE \u202eAAA" in line
    assert len(line) == 2_000


def test_a_log_line_for_programs_is_ascii_and_bounded() -> None:
    line = JsonFormatter().format(record("said %s", "\x1b\u202e\x9b" + "A" * 30_000))

    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 3_000
    assert json.loads(line)["message"].startswith("said \x1b\u202e\x9bAAA")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_record_whose_arguments_do_not_fit_is_a_line_as_any_other(
    formatter: logging.Formatter,
) -> None:
    assert "%d rows" in formatter.format(record("%d rows", "no number"))


class WithoutText:
    """A value that was logged by mistake."""

    def __str__(self) -> str:
        raise AttributeError("Vercingetorix")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_record_of_what_has_no_text_is_a_line_without_the_words_of_the_error(
    formatter: logging.Formatter,
) -> None:
    odd = record("%s rows", WithoutText())
    odd.fields = {"rows": WithoutText()}
    only = record("")
    only.msg = WithoutText()

    line, other = formatter.format(odd), formatter.format(only)

    assert "%s rows" in line
    assert "<WithoutText>" in other
    assert "Vercingetorix" not in line + other


@pytest.mark.parametrize("text", ["\U0001f600" * 2_000, "\x1b" * 2_000, "é" * 30_000])
def test_a_log_line_for_programs_goes_into_a_pipe_in_one_piece(text: str) -> None:
    said = record("said %s", text)
    said.fields = {"event": "run", "run": 7, "reason": text, "counts": {"added": 3}}

    line = JsonFormatter().format(said)

    assert len(line.encode()) < 4_096 - 1
    got = json.loads(line)
    assert (got["event"], got["run"], got["counts"]) == ("run", 7, {"added": 3})
    assert got["message"].startswith("said " + text[:100])
    assert got["reason"].startswith(text[:100])


def test_what_is_written_to_a_stream_is_passed_on_line_by_line() -> None:
    target = io.StringIO()
    stream = LineStream(SharedStream(target), lambda line: f"<{line}>")

    print("one", file=stream)
    print("\n  \n", file=stream)
    stream.write("be")
    stream.flush()
    assert target.getvalue() == "<one>\n"
    stream.write("gun\r\ntwo\nx")

    assert target.getvalue() == "<one>\n<begun>\n<two>\n"
    stream.write("y" * 200_000)
    assert target.getvalue().endswith("y>\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream.close()
