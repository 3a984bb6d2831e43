"""Parse the values of environment variables. Each parser raises ValueError if one is invalid."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

PROJECT_ROOT = Path(__file__).resolve().parents[2]
POSTGRESQL = {"postgresql", "postgres"}


def parse_url(text: str) -> str:
    """Parse a base URL and remove a slash at its end."""
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError if it is no port
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(text)
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(text)
    return text.rstrip("/")


def _expanded(text: str) -> Path:
    """Return a path with a leading home folder (``~``) expanded."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no such user
        raise ValueError(text) from error


def parse_file(text: str) -> Path:
    """Parse the path of a file and make it absolute."""
    file = _expanded(text)
    if "\0" in text or file.is_dir():
        raise ValueError(text)
    return file.absolute()


def parse_database(text: str) -> Path:
    """Return the database's file; for a server's database, a path for this machine's own files."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return parse_file(text)
    if scheme == "sqlite":
        # As is usual: three slashes before a relative path, four before an absolute one.
        if not rest.startswith("/") or len(rest) == 1:
            raise ValueError(text)
        return parse_file(unquote(rest[1:]))
    parts = urlsplit(text)
    if scheme not in POSTGRESQL or "\0" in text or parts.fragment:
        raise ValueError(text)
    # Two databases must not share a folder of snapshots.
    about = f"{parts.username}@{parts.hostname}:{parts.port}{parts.path}?{parts.query}"
    tag = hashlib.sha256(about.encode()).hexdigest()[:8]
    return PROJECT_ROOT / "data" / f"ecommerce-{tag}"


def parse_database_url(text: str) -> str | None:
    """Return the URL of a database server, or None for a file."""
    return text if text.partition("://")[0] in POSTGRESQL else None


def parse_folder(text: str) -> Path:
    """Parse the path of a folder and make it absolute."""
    folder = _expanded(text)
    if "\0" in text or (folder.exists() and not folder.is_dir()):
        raise ValueError(text)
    return folder.absolute()


def parse_hours(text: str) -> float:
    """Parse a number of hours from about half a minute to a year."""
    hours = float(text)
    if not 0.01 <= hours <= 8760:  # also refuses NaN
        raise ValueError(text)
    return hours


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts one of these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def parse_name(text: str) -> str:
    """Parse the name of a service or a host."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
        raise ValueError(text)
    return text


def parse_path(text: str) -> str:
    """Parse a path below a base URL and remove leading slashes."""
    stripped = text.lstrip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]+", stripped) or ".." in stripped.split("/"):
        raise ValueError(text)
    return stripped


def parse_secrets(text: str) -> tuple[str, ...]:
    """Parse one secret, or two while one replaces the other."""
    secrets = tuple(part.strip() for part in text.split(","))
    if not 1 <= len(secrets) <= 2 or any(len(secret) < 16 for secret in secrets):
        raise ValueError("secrets")
    return secrets


def parse_service_urls(text: str) -> tuple[str, ...]:
    """Parse URLs of any scheme, separated by spaces, since a URL may contain a comma."""
    urls = tuple(text.split())
    if not all(re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", url) for url in urls):
        raise ValueError("urls")
    return urls


def parse_seconds(text: str) -> float:
    """Parse a number of seconds, up to a day."""
    seconds = float(text)
    if not math.isfinite(seconds) or not 0 < seconds <= 86_400:
        raise ValueError(text)
    return seconds


def parse_hosts(text: str) -> tuple[str, ...]:
    """Parse names and addresses, without a port."""
    hosts = tuple(part.strip().strip("[]").lower() for part in text.split(","))
    for host in hosts:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            parse_name(host)
    return hosts


def parse_emails(text: str) -> tuple[str, ...]:
    """Parse e-mail addresses, in lower case."""
    emails = tuple(part.strip().lower() for part in text.split(","))
    if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", email) for email in emails):
        raise ValueError(text)
    return emails


def parse_claim(text: str) -> tuple[str, str]:
    """Parse ``claim=value``: the name of a claim and the value that makes an operator."""
    claim, separator, value = (part.strip() for part in text.partition("="))
    if not (claim and separator and value):
        raise ValueError(text)
    return claim, value


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser that accepts the numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return parse
