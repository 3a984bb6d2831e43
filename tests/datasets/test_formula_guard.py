"""The guard against formulas: its changes, the texts that it leaves alone, and the way back."""

from __future__ import annotations

import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.datasets import guard_formula, starts_formula
from ecommerce_core.datasets.formula_guard import guard_column

TEXT = st.text(st.sampled_from("=+-@＝＋－＠﹣'\"\t\r\n ,;|\u200b\u00a0\ufeffax1é"), max_size=14)


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("=1+1", "'=1+1"),
        ("+33612345678", "'+33612345678"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("＝1", "'＝1"),
        ("﹣1", "'﹣1"),
        ("a;=1+1", "a;'=1+1"),
        ("a, -5 | @x", "a, '-5 | '@x"),
        ("a\t=1", "a\t'=1"),
        ("a\n- b\r\n+ c", "a\n'- b\r\n'+ c"),
        ("\t=1+1", "'\t'=1+1"),
        ("\nx", "'\nx"),
        ("\rx", "'\rx"),
        ("\u200b \u00a0=1", "\u200b \u00a0'=1"),
        ('"=1', "\"'=1"),
        ("'=1", "''=1"),
        (";;==", ";;'=="),
        # Texts that stay as they are.
        ("", ""),
        ("00123", "00123"),
        ("0612345678", "0612345678"),
        ("X1-0", "X1-0"),
        ("Grille-pain = neuf", "Grille-pain = neuf"),
        ("l'été", "l'été"),
        ("'été", "'été"),
        ("a; b, c | d", "a; b, c | d"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_a_sign_gets_an_apostrophe_where_a_cell_may_begin_and_nowhere_else(
    text: str, guarded: str
) -> None:
    assert guard_formula(text) == guarded
    assert guard_column((text, "x")) == (guarded, "x")
    assert guard_column(("", text)) == ("", guarded)


def test_every_invisible_character_before_a_sign_is_passed_over() -> None:
    passed_over = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
    ]

    assert len(passed_over) > 200
    for sign in passed_over:
        assert guard_formula(f"a;{sign}=1") == f"a;{sign}'=1"
        assert guard_column((f"{sign}=1",)) != (f"{sign}=1",)


@given(TEXT)
def test_the_original_is_had_by_taking_one_apostrophe_away_at_each_place(text: str) -> None:
    guarded = guard_formula(text)

    back = re.sub(r"^'('*[\t\r\n])", r"\1", guarded)
    back = re.sub("(^|[,;\t|\r\n])([\\s\"\u200b\ufeff]*)'('*[=+@＝＋－＠﹣-])", r"\1\2\3", back)
    assert back == text


@given(st.lists(TEXT, max_size=8))
def test_a_column_is_guarded_as_each_of_its_texts_is(texts: list[str]) -> None:
    assert list(guard_column(tuple(texts))) == [guard_formula(text) for text in texts]


@pytest.mark.parametrize("sign", ["\t", ",", "'", "=", " ", ";'", "\n\u200b"])
def test_a_text_of_separators_alone_is_looked_at_once(sign: str) -> None:
    text = sign * 100_000
    began_s = time.process_time()

    guard_column((text, text))

    assert time.process_time() - began_s < 2  # scanning from each sign on would take minutes


@pytest.mark.parametrize("text", ["=1", " =1", "\u200b＝1", "'x", "\tx", "-"])
def test_a_cell_that_would_be_more_than_a_text_when_edited_is_known(text: str) -> None:
    assert starts_formula(text)


@pytest.mark.parametrize("text", ["", "a", "a;=1", "00123", "X1-0"])
def test_a_cell_that_stays_a_text_when_edited_is_left_alone(text: str) -> None:
    assert not starts_formula(text)
