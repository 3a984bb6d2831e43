"""The tokens that prove where a callback comes from."""

import pytest

from ecommerce_core.scheduler import verify_token
from ecommerce_core.scheduler.tokens import make_token

APP, URL = "e-commerce", "ecommerce/add-auto"
TOKEN = make_token("s3cret", app_name=APP, url=URL)


def test_a_token_is_64_hex_digits_and_always_the_same() -> None:
    assert make_token("s3cret", app_name=APP, url=URL) == TOKEN
    assert len(TOKEN) == 64
    assert set(TOKEN) <= set("0123456789abcdef")
    assert "s3cret" not in TOKEN


def test_a_token_is_valid_for_its_own_application_and_url_alone() -> None:
    assert verify_token(("s3cret",), TOKEN, app_name=APP, url=URL)
    assert not verify_token(("s3cret",), TOKEN, app_name="crm", url=URL)
    assert not verify_token(("s3cret",), TOKEN, app_name=APP, url="ecommerce/auto_load_customers")


def test_a_leading_slash_in_the_url_makes_no_difference() -> None:
    assert make_token("s3cret", app_name=APP, url="/" + URL) == TOKEN
    assert verify_token(("s3cret",), TOKEN, app_name=APP, url="/" + URL)


def test_text_moved_from_the_application_to_the_url_gives_another_token() -> None:
    assert make_token("s", app_name="a", url="b/c") != make_token("s", app_name="ab", url="c")
    assert make_token("s", app_name='a", "b', url="c") != make_token(
        "s", app_name="a", url='b", "c'
    )


def test_two_secrets_are_valid_during_a_rotation_and_the_old_one_not_after_it() -> None:
    old, new = TOKEN, make_token("n3xt", app_name=APP, url=URL)
    for token in (old, new):
        assert verify_token(("n3xt", "s3cret"), token, app_name=APP, url=URL)
    assert not verify_token(("n3xt",), old, app_name=APP, url=URL)


def test_without_a_secret_no_token_is_valid() -> None:
    assert not verify_token((), TOKEN, app_name=APP, url=URL)
    assert not verify_token((), "", app_name=APP, url=URL)


@pytest.mark.parametrize(
    "forged",
    ["", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "0" * 64, "é" * 64, "\ud800", "\0", TOKEN + "\n"],
)
def test_a_forged_or_tampered_token_is_refused_without_an_exception(forged: str) -> None:
    assert not verify_token(("s3cret",), forged, app_name=APP, url=URL)


def test_a_secret_may_hold_any_character() -> None:
    token = make_token("clé \N{KEY}", app_name=APP, url=URL)
    assert verify_token(("clé \N{KEY}",), token, app_name=APP, url=URL)
