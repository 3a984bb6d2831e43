"""Folding: texts that readers take for the same are folded to the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce_core.storage.snapshots.text_search import fold, fold_all, words_of
from tests.storage.snapshots.shop import plainly_folded

TEXT = st.text(max_size=30)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ÉCRAN", "ecran"),
        ("Œuf ß Å ﬁ Æsir STRAẞE", "oeuf ss a fi aesir strasse"),
        ("İstanbul ısı", "istanbul isi"),
        ("d’été dʼété d`été d´été d‘été d′été", "d'ete d'ete d'ete d'ete d'ete d'ete"),
        ("a‐b‑c‒d–e—f―g−h﹣i－j", "a-b-c-d-e-f-g-h-i-j"),
        ("“a” „b‟", '"a" "b"'),
        ("por\u00adte\u200b\u200d\u2060\ufeff\u200e\u202e\ufe0f", "porte"),
        ("a\u00a0b\u202fc\u3000d\te\u2028f", "a b c d e f"),
        ("ＡＢＣ１２３ ™ ½", "abc123 tm 1⁄2"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
        ("हिन्दी", "हिनदी"),
        ("冷蔵庫", "冷蔵庫"),
        ("a\x00b\x07c", "abc"),
    ],
)
def test_a_text_is_folded_to_what_readers_compare(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(TEXT)
def test_a_text_is_folded_as_plain_python_folds_it(text: str) -> None:
    assert fold(text) == plainly_folded(text)


@given(TEXT)
def test_composed_and_decomposed_are_the_same(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(TEXT, TEXT)
def test_a_part_of_a_text_is_folded_to_a_part_of_the_folded_text(one: str, other: str) -> None:
    assert fold(one + other) == fold(one) + fold(other)


@given(st.lists(st.sampled_from(["Été", "TV", "Œuf", "’"]) | TEXT, max_size=40))
def test_many_texts_are_folded_each_as_one(texts: list[str]) -> None:
    assert fold_all(texts) == [fold(text) for text in texts]


def test_every_letter_is_folded_once_and_for_all() -> None:
    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]

    for letter in letters:
        folded = fold(letter)
        assert fold(folded) == folded, letter
        assert "\n" not in folded
        # Greek's iota subscript is an accent, but a letter in its capital form.
        if "\u0345" not in unicodedata.normalize("NFD", letter):
            assert fold(letter.casefold()) == folded, letter


def test_the_words_of_a_search_are_folded_once_each() -> None:
    assert words_of("  Été  ete\tTV ") == ["ete", "tv"]
    assert words_of("a\u00a0b\u2003c") == ["a", "b", "c"]
    assert words_of("\u200b \u0301") == []


def test_of_a_search_the_first_thousand_characters_count() -> None:
    assert words_of("x " * 500 + "beyond") == ["x"]


def test_a_lone_surrogate_is_a_word_that_is_in_no_row() -> None:
    assert words_of("\ud800") == ["\ufffd"]
    assert words_of("why? \ud800") == ["why?", "\ufffd"]
