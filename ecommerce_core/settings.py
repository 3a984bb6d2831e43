"""Settings from the environment: read once, checked at once, frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ecommerce_core.errors import SettingsError
from ecommerce_core.setting_values import (
    one_of,
    parse_claim,
    parse_emails,
    parse_file,
    parse_folder,
    parse_hosts,
    parse_hours,
    parse_name,
    parse_path,
    parse_seconds,
    parse_secrets,
    parse_url,
    whole_number,
)

T = TypeVar("T")

PROJECT_ROOT = Path(__file__).resolve().parent.parent
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

# The user and password of a URL: never repeated, either.
_PASSWORD = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set. Field by field the table in the README."""

    gateway_url: str | None = None
    database: Path = PROJECT_ROOT / "data" / "ecommerce.db"
    app_name: str = "e-commerce"
    catalogue_path: str = "api/data"
    crm_path: str = "api/data"
    callback_secrets: tuple[str, ...] = ()
    callback_grace_s: float = 10.0
    timeout_s: float = 30.0
    deadline_s: float = 300.0
    allowed_hosts: tuple[str, ...] = LOOPBACK_HOSTS
    max_body_mb: int = 512
    sandbox_products: int = 1200
    sandbox_customers: int = 400
    gateway_admin_url: str | None = None
    public_url: str | None = None
    backup_dir: Path | None = None
    backup_every_h: float = 24.0
    backup_keep: int = 7
    log: str = "text"
    operators: tuple[str, ...] = ()
    operator_claim: tuple[str, str] | None = None
    sign_in_hours: float = 12.0
    agent_role: str = "analyst"
    serve_without_sign_in: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Settings out of ``environ``; a variable that is unset or blank takes its default.

        Raises SettingsError for the first value that makes no sense.
        """
        default = cls()

        def read(variable: str, parse: Callable[[str], T], otherwise: T, what: str) -> T:
            text = environ.get(variable, "").strip()
            if not text:
                return otherwise
            try:
                return parse(text)
            except ValueError as error:
                # The value of a secret is never repeated.
                shown = "…" if "SECRET" in variable else repr(_PASSWORD.sub("//…@", text))
                raise SettingsError(
                    "{variable} is {value}: it takes {what}",
                    variable=variable,
                    value=shown,
                    what=what,
                ) from error

        path = "a path of letters, digits and -._~/ such as api/data"
        seconds = "a number of seconds above 0"
        count = "a whole number from 0 to 2000000"
        settings = cls(
            gateway_url=read(
                "ECOMMERCE_GATEWAY_URL",
                parse_url,
                default.gateway_url,
                "a base URL such as http://gateway:8000",
            ),
            database=read("ECOMMERCE_DATABASE", parse_file, default.database, "the path of a file"),
            app_name=read(
                "ECOMMERCE_APP_NAME",
                parse_name,
                default.app_name,
                "a service name of letters, digits, '.' and '-'",
            ),
            catalogue_path=read(
                "ECOMMERCE_CATALOGUE_PATH", parse_path, default.catalogue_path, path
            ),
            crm_path=read("ECOMMERCE_CRM_PATH", parse_path, default.crm_path, path),
            callback_secrets=read(
                "ECOMMERCE_CALLBACK_SECRET",
                parse_secrets,
                default.callback_secrets,
                "a secret of at least 16 characters, or two with a comma between (new, old)",
            ),
            callback_grace_s=read(
                "ECOMMERCE_CALLBACK_GRACE_S", parse_seconds, default.callback_grace_s, seconds
            ),
            timeout_s=read("ECOMMERCE_TIMEOUT_S", parse_seconds, default.timeout_s, seconds),
            deadline_s=read("ECOMMERCE_DEADLINE_S", parse_seconds, default.deadline_s, seconds),
            allowed_hosts=read(
                "ECOMMERCE_ALLOWED_HOSTS",
                parse_hosts,
                default.allowed_hosts,
                "host names or addresses without a port, with commas between",
            ),
            max_body_mb=read(
                "ECOMMERCE_MAX_BODY_MB",
                whole_number(1, 4096),
                default.max_body_mb,
                "a whole number of megabytes from 1 to 4096",
            ),
            sandbox_products=read(
                "ECOMMERCE_SANDBOX_PRODUCTS",
                whole_number(0, 2_000_000),
                default.sandbox_products,
                count,
            ),
            sandbox_customers=read(
                "ECOMMERCE_SANDBOX_CUSTOMERS",
                whole_number(0, 2_000_000),
                default.sandbox_customers,
                count,
            ),
            gateway_admin_url=read(
                "ECOMMERCE_GATEWAY_ADMIN_URL",
                parse_url,
                default.gateway_admin_url,
                "a base URL such as http://gateway:8001",
            ),
            public_url=read(
                "ECOMMERCE_PUBLIC_URL",
                parse_url,
                default.public_url,
                "the URL at which the gateway reaches this server, such as http://this-host:8501",
            ),
            backup_dir=read(
                "ECOMMERCE_BACKUP_DIR", parse_folder, default.backup_dir, "the path of a folder"
            ),
            backup_every_h=read(
                "ECOMMERCE_BACKUP_EVERY_H",
                parse_hours,
                default.backup_every_h,
                "a number of hours from 0.01 to 8760",
            ),
            backup_keep=read(
                "ECOMMERCE_BACKUP_KEEP",
                whole_number(1, 10_000),
                default.backup_keep,
                "a whole number from 1 to 10000",
            ),
            log=read("ECOMMERCE_LOG", one_of("text", "json"), default.log, "text or json"),
            operators=read(
                "ECOMMERCE_OPERATORS",
                parse_emails,
                default.operators,
                "e-mail addresses with commas between",
            ),
            operator_claim=read(
                "ECOMMERCE_OPERATOR_CLAIM",
                parse_claim,
                default.operator_claim,
                "a claim and its value such as groups=shop-operators",
            ),
            sign_in_hours=read(
                "ECOMMERCE_SIGN_IN_HOURS",
                parse_hours,
                default.sign_in_hours,
                "a number of hours from 0.01 to 8760",
            ),
            agent_role=read(
                "ECOMMERCE_AGENT_ROLE",
                one_of("analyst", "operator"),
                default.agent_role,
                "analyst or operator",
            ),
            serve_without_sign_in=read(
                "ECOMMERCE_SERVE_WITHOUT_SIGN_IN",
                lambda text: one_of("yes", "no")(text) == "yes",
                default.serve_without_sign_in,
                "yes or no",
            ),
        )
        if (settings.gateway_admin_url is None) != (settings.public_url is None):
            raise SettingsError(
                "ECOMMERCE_GATEWAY_ADMIN_URL and ECOMMERCE_PUBLIC_URL go together:"
                " set both to register with the gateway, or none"
            )
        return settings
