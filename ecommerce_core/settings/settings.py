"""Settings from the environment: read once, checked at once, frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from ecommerce_core.domain import Lateness, SettingsError
from ecommerce_core.settings.api_tokens import ApiToken, parse_tokens
from ecommerce_core.settings.values import (
    PROJECT_ROOT,
    one_of,
    parse_claim,
    parse_database,
    parse_database_url,
    parse_emails,
    parse_folder,
    parse_hosts,
    parse_hours,
    parse_name,
    parse_path,
    parse_seconds,
    parse_secrets,
    parse_service_urls,
    parse_url,
    whole_number,
)

T = TypeVar("T")

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

# The user and password of a URL are never repeated, either.
_PASSWORD = re.compile(r"//[^/@]*@|(?<=password=)[^&]*")


_PATH_VARIABLE = re.compile(r"ECOMMERCE_[A-Z0-9_]+_PATH")
_PATH = "a path of letters, digits and -._~/ such as api/data"
_SECONDS = "a number of seconds above 0"
_HOURS = "a number of hours from 0.01 to 8760"
_DAYS = whole_number(0, 36_500), "a whole number of days from 1 to 36500, or 0 for ever"
# The bytes have a limit of their own: with ten times as many, ten million products pass.
MAX_RECORDS = 10_000_000
_RECORDS = whole_number(0, 2_000_000), "a whole number from 0 to 2000000"


def _variable(
    name: str, default: T, parse: Callable[[str], T], takes: str, *, is_secret: bool = False
) -> T:
    """Return a field set by the environment variable ``name``; ``takes`` describes its values."""
    about = {"name": name, "parse": parse, "takes": takes, "is_secret": is_secret}
    return field(default=default, metadata=about, repr=not is_secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, one field for each row of the table in the README."""

    gateway_url: str | None = _variable(
        "ECOMMERCE_GATEWAY_URL", None, parse_url, "a base URL such as http://gateway:8000"
    )
    database: Path = _variable(
        "ECOMMERCE_DATABASE",
        PROJECT_ROOT / "data" / "ecommerce.db",
        parse_database,
        "the path of a file, sqlite:///PATH or postgresql://USER@HOST/NAME",
    )
    # The same variable, if it names a server's database.
    database_url: str | None = _variable(
        "ECOMMERCE_DATABASE", None, parse_database_url, "a URL", is_secret=True
    )
    snapshot_dir: Path | None = _variable(
        "ECOMMERCE_SNAPSHOT_DIR", None, parse_folder, "the path of a folder"
    )
    app_name: str = _variable(
        "ECOMMERCE_APP_NAME",
        "e-commerce",
        parse_name,
        "a service name of letters, digits, '.' and '-'",
    )
    # The paths at which peers serve their records, by variable; the datasets name the variables.
    paths: Mapping[str, str] = field(default_factory=dict, hash=False)
    callback_secrets: tuple[str, ...] = _variable(
        "ECOMMERCE_CALLBACK_SECRET",
        (),
        parse_secrets,
        "a secret of at least 16 characters, or two with a comma between (new, old)",
        is_secret=True,
    )
    callback_grace_s: float = _variable("ECOMMERCE_CALLBACK_GRACE_S", 10.0, parse_seconds, _SECONDS)
    callback_late_window_s: float = _variable(
        "ECOMMERCE_CALLBACK_LATE_WINDOW_S", 600.0, parse_seconds, _SECONDS
    )
    task_disappearance_s: float = _variable(
        "ECOMMERCE_TASK_DISAPPEARANCE_S", 10.0, parse_seconds, _SECONDS
    )
    keep_tasks: bool = _variable(
        "ECOMMERCE_KEEP_TASKS", False, lambda text: one_of("yes", "no")(text) == "yes", "yes or no"
    )
    timeout_s: float = _variable("ECOMMERCE_TIMEOUT_S", 30.0, parse_seconds, _SECONDS)
    deadline_s: float = _variable("ECOMMERCE_DEADLINE_S", 300.0, parse_seconds, _SECONDS)
    allowed_hosts: tuple[str, ...] = _variable(
        "ECOMMERCE_ALLOWED_HOSTS",
        LOOPBACK_HOSTS,
        parse_hosts,
        "host names or addresses without a port, with commas between",
    )
    max_body_mb: int = _variable(
        "ECOMMERCE_MAX_BODY_MB",
        512,
        whole_number(1, 4096),
        "a whole number of megabytes from 1 to 4096",
    )
    hold_above_percent: int = _variable(
        "ECOMMERCE_HOLD_ABOVE_PERCENT",
        50,
        whole_number(0, 100),
        "a whole number of per cent from 0 (hold any loss) to 100 (hold nothing)",
    )
    max_records: int = _variable(
        "ECOMMERCE_MAX_RECORDS",
        MAX_RECORDS,
        whole_number(1, 1_000_000_000),
        "a whole number from 1 to 1000000000",
    )
    reader_memory_mb: int = _variable(
        "ECOMMERCE_READER_MEMORY_MB",
        512,
        whole_number(64, 65_536),
        "a whole number of megabytes from 64 to 65536",
    )
    reader_threads: int = _variable(
        "ECOMMERCE_READER_THREADS", 2, whole_number(1, 64), "a whole number from 1 to 64"
    )
    explore_timeout_s: float = _variable(
        "ECOMMERCE_EXPLORE_TIMEOUT_S", 10.0, parse_seconds, _SECONDS
    )
    explore_memory_mb: int = _variable(
        "ECOMMERCE_EXPLORE_MEMORY_MB",
        256,
        whole_number(64, 65_536),
        "a whole number of megabytes from 64 to 65536",
    )
    sandbox_products: int = _variable("ECOMMERCE_SANDBOX_PRODUCTS", 1200, *_RECORDS)
    sandbox_customers: int = _variable("ECOMMERCE_SANDBOX_CUSTOMERS", 400, *_RECORDS)
    gateway_admin_url: str | None = _variable(
        "ECOMMERCE_GATEWAY_ADMIN_URL", None, parse_url, "a base URL such as http://gateway:8001"
    )
    public_url: str | None = _variable(
        "ECOMMERCE_PUBLIC_URL",
        None,
        parse_url,
        "the URL at which the gateway reaches this server, such as http://this-host:8501",
    )
    max_age_h: float | None = _variable("ECOMMERCE_MAX_AGE_H", None, parse_hours, _HOURS)
    alert_urls: tuple[str, ...] = _variable(
        "ECOMMERCE_ALERT_URLS",
        (),
        parse_service_urls,
        "URLs as Apprise writes them, with spaces between",
        is_secret=True,
    )
    alert_from: str = _variable(
        "ECOMMERCE_ALERT_FROM",
        "warning",
        one_of("info", "warning", "critical"),
        "info, warning or critical",
    )
    alert_remind_h: float = _variable("ECOMMERCE_ALERT_REMIND_H", 24.0, parse_hours, _HOURS)
    alert_language: str = _variable(
        "ECOMMERCE_ALERT_LANGUAGE", "en", one_of("en", "fr"), "en or fr"
    )
    ping_url: str | None = _variable(
        "ECOMMERCE_PING_URL",
        None,
        parse_url,
        "a URL such as https://hc-ping.com/your-key/{dataset}",
        is_secret=True,
    )
    keep_deliveries_days: int = _variable("ECOMMERCE_KEEP_DELIVERIES_DAYS", 0, *_DAYS)
    keep_changes_days: int = _variable("ECOMMERCE_KEEP_CHANGES_DAYS", 0, *_DAYS)
    keep_rejected_days: int = _variable("ECOMMERCE_KEEP_REJECTED_DAYS", 0, *_DAYS)
    keep_audit_days: int = _variable("ECOMMERCE_KEEP_AUDIT_DAYS", 0, *_DAYS)
    backup_dir: Path | None = _variable(
        "ECOMMERCE_BACKUP_DIR", None, parse_folder, "the path of a folder"
    )
    backup_every_h: float = _variable("ECOMMERCE_BACKUP_EVERY_H", 24.0, parse_hours, _HOURS)
    backup_keep: int = _variable(
        "ECOMMERCE_BACKUP_KEEP", 7, whole_number(1, 10_000), "a whole number from 1 to 10000"
    )
    log: str = _variable("ECOMMERCE_LOG", "text", one_of("text", "json"), "text or json")
    operators: tuple[str, ...] = _variable(
        "ECOMMERCE_OPERATORS", (), parse_emails, "e-mail addresses with commas between"
    )
    operator_claim: tuple[str, str] | None = _variable(
        "ECOMMERCE_OPERATOR_CLAIM",
        None,
        parse_claim,
        "a claim and its value such as groups=shop-operators",
    )
    api_tokens: tuple[ApiToken, ...] = _variable(
        "ECOMMERCE_API_TOKENS",
        (),
        parse_tokens,
        "tokens of at least 32 letters, digits and -._~+/, each with a name and a colon before it"
        " if you like, with commas between",
        is_secret=True,
    )
    sign_in_hours: float = _variable("ECOMMERCE_SIGN_IN_HOURS", 12.0, parse_hours, _HOURS)
    agent_role: str = _variable(
        "ECOMMERCE_AGENT_ROLE", "analyst", one_of("analyst", "operator"), "analyst or operator"
    )
    serve_without_sign_in: bool = _variable(
        "ECOMMERCE_SERVE_WITHOUT_SIGN_IN",
        False,
        lambda text: one_of("yes", "no")(text) == "yes",
        "yes or no",
    )

    @property
    def lateness(self) -> Lateness:
        """The bounds within which a callback counts as on time, late or missed."""
        return Lateness(
            timedelta(seconds=self.callback_grace_s),
            timedelta(seconds=self.callback_late_window_s),
            timedelta(seconds=self.task_disappearance_s),
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from ``environ``; an unset or blank variable takes its default.

        Raises SettingsError for the first invalid value.
        """
        read = {
            one.name: _read(text, **one.metadata)
            for one in fields(cls)
            if one.metadata and (text := environ.get(one.metadata["name"], "").strip())
        }
        paths = {
            name: _read(text.strip(), name=name, parse=parse_path, takes=_PATH, is_secret=False)
            for name, text in environ.items()
            if _PATH_VARIABLE.fullmatch(name) and text.strip()
        }
        settings = cls(**read, paths=MappingProxyType(paths))
        if (settings.gateway_admin_url is None) != (settings.public_url is None):
            raise SettingsError("settings_go_together")
        if settings.database_url is not None and settings.snapshot_dir is not None:
            path = settings.snapshot_dir / settings.database.name
            settings = replace(settings, database=path)
        return settings


def hide_password(url: str) -> str:
    """Return a URL as it may be shown, without its password."""
    return _PASSWORD.sub(lambda found: "//…@" if found[0].startswith("//") else "…", url)


def _read(text: str, *, name: str, parse: Callable[[str], T], takes: str, is_secret: bool) -> T:
    try:
        return parse(text)
    except ValueError as error:
        # The value of a secret is never repeated.
        shown = "…" if is_secret else repr(hide_password(text))
        raise SettingsError("setting_wrong", variable=name, value=shown, what=takes) from error
