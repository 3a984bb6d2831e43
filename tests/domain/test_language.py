"""Texts, numbers and times in each language, and catalogues without a gap."""

from __future__ import annotations

import io
import re
import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from babel.messages.mofile import read_mo
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ecommerce_core.datasets import CUSTOMERS, DATASETS, PRODUCTS, Dataset
from ecommerce_core.domain import (
    LANGUAGES,
    Language,
    escape,
    escape_time,
    language_of,
)
from ecommerce_core.domain import language as language_module
from ecommerce_core.domain.labels import WORDS
from tests.support import messages

EN, FR = Language("en"), Language("fr", timezone(timedelta(hours=1), "CET"))
AT = datetime(2026, 11, 24, 20, 5, 9, tzinfo=UTC)


def fields(template: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def forms(value: object) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [str(value)]


def test_every_text_of_the_sources_has_a_french_one() -> None:
    catalogue = messages.read_catalogue()
    found = messages.found_messages()
    assert len(found) > 200
    for message, places in found.items():
        entry = catalogue.get(message[0] if isinstance(message, tuple) else message)
        assert entry is not None, f"not in the catalogue: {message!r} of {places[0]}"
        assert all(forms(entry.string)), f"not translated: {message!r} of {places[0]}"
        assert not entry.fuzzy, f"fuzzy: {message!r}"


def test_the_catalogue_has_no_text_that_nobody_says() -> None:
    found = {m[0] if isinstance(m, tuple) else m for m in messages.found_messages()}
    listed = {forms(entry.id)[0] for entry in messages.read_catalogue() if entry.id}
    assert listed == found


def test_placeholders_are_the_same_in_both_languages() -> None:
    for entry in messages.read_catalogue():
        if entry.id:
            wanted = fields(forms(entry.id)[-1])
            assert all(fields(form) == wanted for form in forms(entry.string)), entry.id


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    # Not byte for byte: the head of the file names the Babel that compiled it.
    def texts(compiled: bytes) -> list[object]:
        catalogue = read_mo(io.BytesIO(compiled))
        return [catalogue.plural_forms, *((m.id, m.string) for m in catalogue if m.id)]

    assert texts(messages.MO.read_bytes()) == texts(messages.compiled(messages.read_catalogue()))


def test_french_uses_the_words_of_the_shop() -> None:
    products_in_french = FR.text(PRODUCTS.label)
    assert FR.text("Fetch {dataset}").format(dataset=products_in_french) == "Récupérer les produits"
    cleared = FR.text("Clear all {dataset}…")
    assert cleared.format(dataset=products_in_french) == "Vider la BDD produits…"
    assert FR.text(CUSTOMERS.column("loyalty_points").label) == "Points de fidélité"
    assert FR.text("Add a task") == "Ajouter une tâche"


def test_every_identifier_has_a_word_in_both_languages() -> None:
    for name in WORDS:
        assert EN.word(name)
        assert FR.word(name)
    assert EN.word("something_new") == "something_new"


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_a_dataset_and_all_of_its_columns_have_a_label_in_both_languages(
    dataset: Dataset,
) -> None:
    columns = dataset.row_columns
    texts = [dataset.label, dataset.help, dataset.search_help]
    texts += [text for column in columns for text in (column.label, column.filter_label)]
    listed = {forms(entry.id)[0] for entry in messages.read_catalogue() if entry.id}

    assert set(texts) <= listed
    assert not {column.name for column in columns} & set(texts)


@pytest.mark.parametrize(
    ("locale", "code"),
    [("fr", "fr"), ("fr-CA", "fr"), ("fr_FR", "fr"), ("de-DE", "en"), ("", "en"), (None, "en")],
)
def test_the_browsers_locale_decides_the_language(locale: str | None, code: str) -> None:
    assert language_of(locale) == code


def test_money_takes_the_form_of_the_language() -> None:
    assert EN.money(424) == "€4.24"
    assert FR.money(424) == "4,24\N{NO-BREAK SPACE}€"
    assert FR.money(123_456_789) == "1\u202f234\u202f567,89\N{NO-BREAK SPACE}€"


def test_numbers_and_points_take_the_form_of_the_language() -> None:
    assert EN.number(1234.5) == "1,234.5"
    assert FR.number(1234.5) == "1\u202f234,5"
    assert EN.points(154.62542724609375) == "154.63"
    assert FR.points(154.62542724609375) == "154,63"
    assert EN.points(24.0) == "24"


def test_a_moment_names_its_zone_and_a_simulated_time_has_none() -> None:
    assert EN.moment(AT) == "24 Nov 2026, 20:05:09 UTC"
    assert FR.moment(AT) == "24 nov. 2026, 21:05:09 CET"
    assert EN.simulated(datetime(2019, 1, 7, 1, 23, 20)) == "7 Jan 2019, 01:23:20"


def test_an_unknown_time_zone_of_a_browser_is_utc() -> None:
    for name in (None, "", "Mars/Olympus", "../../etc/passwd", "x" * 5_000, "Europe/\0"):
        assert language_module.timezone(name) is UTC


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (0, "0 ms", "0 ms"),
        (0.0454, "45 ms", "45 ms"),
        (0.41, "0.4 s", "0,4 s"),
        (2, "2 s", "2 s"),
        (59.6, "1 min", "1 min"),
        (72, "1 min 12 s", "1 min 12 s"),
        (7_500, "2 h 5 min", "2 h 5 min"),
        (3 * 86_400 + 4 * 3_600, "3 d 4 h", "3 j 4 h"),
        (-5, "0 ms", "0 ms"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, english: str, french: str) -> None:
    assert EN.duration(seconds) == english
    assert FR.duration(seconds) == french


def test_an_age_is_in_whole_seconds() -> None:
    assert EN.ago(AT, AT + timedelta(seconds=1.4)) == "just now"
    assert EN.ago(AT, AT + timedelta(seconds=12.7)) == "12 s ago"
    assert FR.ago(AT, AT + timedelta(seconds=90)) == "il y a 1 min 30 s"


def test_a_speed_is_said_in_words() -> None:
    assert EN.speed(50) == "50 ×: an hour passes in 72 s"
    assert EN.speed(1) == "1 ×: an hour passes in 1 h"
    assert EN.speed(0.5) == "0.5 ×: an hour passes in 2 h"
    assert "is stopped" in EN.speed(0)


def test_sizes_have_decimal_units() -> None:
    assert [EN.size(n) for n in (0, 999, 1_200, 12_345, 5_000_000, 3_200_000_000)] == [
        "0 B",
        "999 B",
        "1.2 kB",
        "12 kB",
        "5 MB",
        "3.2 GB",
    ]
    assert FR.size(1_200) == "1,2 ko"


PARSER = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"])
# Streamlit's replacements in plain text after Markdown.
REPLACED = re.compile(
    r":material_\w+:|:streamlit:|:[\w+-][\w+-]*:|(?:^|\s)(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)"
    r"|https?://|www(?=\.)|[-.\w+]+@[-\w]+(?:\.[-\w]+)+",
    re.ASCII | re.IGNORECASE,
)
MARKUP = st.text(
    st.sampled_from("*_`~$[]()<>#!|\\:-+=>&;@./\n\t 1a") | st.characters(exclude_categories=["Cs"]),
    max_size=40,
) | st.sampled_from(
    [
        ":material/home: :streamlit: :+1: a -> b",
        "https://evil.example www.evil.example a@b.example",
        "$x^2$ **bold** [link](http://x.y) <b>h</b> :red[x] :red-badge[hi]",
        "# h\n- x\n1. y\n\n    code\n```\nx\n```",
        "<!-- --> ![i](http://x/y.png) &amp; ~~s~~ |a|b|\n|-|-|",
        "[^1]: foot :help[x] <- <-> >= <= ~= --",
    ]
)


@given(MARKUP)
def test_markdown_shows_an_escaped_text_as_it_is(text: str) -> None:
    escaped = escape(text)
    tokens = PARSER.parse(f"x {escaped} x")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    shown = "".join(child.content for child in children)
    assert not REPLACED.search(shown.replace(":material/", ":material_"))
    plain = "\ufffd".join(re.split("[\0\u202a-\u202e\u2066-\u2069]", text))
    wanted = f"x {' '.join(plain.split())} x"
    assert shown.replace("\u2060", "") == wanted.replace("\u2060", "")


def test_a_time_in_markdown_reads_as_it_is_and_looks_like_no_emoji() -> None:
    time = escape_time(EN.moment(AT))
    (paragraph,) = (token for token in PARSER.parse(time) if token.type == "inline")
    assert "".join(child.content for child in paragraph.children or []) == EN.moment(AT)
    assert not re.search(r":[\w+-]+:", time)


@given(MARKUP)
def test_an_escaped_text_has_no_bare_punctuation(text: str) -> None:
    without_escapes = re.sub(r"\\[!-/:-@\[-`{-~]", "", escape(text))
    assert not set(without_escapes) & set(string.punctuation)


def test_lone_surrogates_do_not_reach_the_wire_to_the_browser() -> None:
    assert escape("a\ud800b").encode() == rb"a\?b"


def test_every_language_has_a_name_of_its_own() -> None:
    assert LANGUAGES == {"en": "English", "fr": "Français"}
