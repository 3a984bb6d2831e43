"""Check at the start whether visitors sign in, and whether the server may be exposed without."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ecommerce_core.companion.http.served_paths import PREFIX
from ecommerce_core.domain import SettingsError

CALLBACK_PATH = f"{PREFIX}/oauth2callback"
# Anybody who guesses it can sign cookies for any user.
SHORTEST_COOKIE_SECRET = 32
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")


def read_providers(auth: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return the providers in the ``[auth]`` section of secrets.toml; ``default`` has no own name.

    Empty if there is no such section. Raises SettingsError if one of them is incomplete. No value
    but the redirect's is ever repeated.
    """
    if auth is None:
        return ()
    redirect = urlsplit(str(auth.get("redirect_uri", "")))
    if redirect.scheme not in {"http", "https"} or redirect.path != CALLBACK_PATH:
        raise SettingsError(
            "sign_in_redirect_wrong", value=repr(redirect.geturl()), path=CALLBACK_PATH
        )
    if len(str(auth.get("cookie_secret", ""))) < SHORTEST_COOKIE_SECRET:
        raise SettingsError("sign_in_secret_too_short", count=SHORTEST_COOKIE_SECRET)
    named = {name: value for name, value in auth.items() if isinstance(value, Mapping)}
    named.pop("client_kwargs", None)
    if any(key in auth for key in _OF_A_PROVIDER) or not named:
        named = {"default": auth, **named}
    for name, provider in named.items():
        missing = [key for key in _OF_A_PROVIDER if not provider.get(key)]
        if missing:
            section = "[auth]" if name == "default" else f"[auth.{name}]"
            raise SettingsError("sign_in_lacks_key", section=section, key=missing[0])
    return tuple(named)


def check_exposure(address: str | None, *, must_sign_in: bool, is_allowed: bool) -> None:
    """Refuse to serve other machines if nobody has to sign in.

    ``address`` is Streamlit's ``server.address``: unset is all addresses. Raises SettingsError.
    """
    if must_sign_in or is_allowed or is_local(address):
        return
    raise SettingsError("sign_in_needed", address=address or "unset (all addresses)")


def is_local(address: str | None) -> bool:
    """Return whether only this machine reaches an address: loopback, or a socket file."""
    text = (address or "").strip().strip("[]").lower()
    if text == "localhost" or text.startswith("unix:"):
        return True
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
