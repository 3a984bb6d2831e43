"""Settings: their defaults, their values, and the one line for an invalid one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecommerce_core.datasets import DATASETS
from ecommerce_core.domain import SettingsError
from ecommerce_core.settings import PROJECT_ROOT, Settings
from ecommerce_core.settings.api_tokens import ApiToken

README = PROJECT_ROOT / "README.md"

TOKEN = "0123456789abcdef0123456789ABCDEF"


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_every_variable_reaches_its_setting() -> None:
    settings = Settings.from_env(
        {
            "ECOMMERCE_GATEWAY_URL": "http://gateway:8000/",
            "ECOMMERCE_DATABASE": "/srv/shop.db",
            "ECOMMERCE_APP_NAME": "shop",
            "ECOMMERCE_CATALOGUE_PATH": "/api/get-all",
            "ECOMMERCE_CRM_PATH": "api/clients/",
            "ECOMMERCE_API_TOKENS": f"notebook:{TOKEN},{TOKEN}2",
            "ECOMMERCE_CALLBACK_SECRET": "new-secret-0123456, old-secret-0123456",
            "ECOMMERCE_CALLBACK_GRACE_S": "1.5",
            "ECOMMERCE_CALLBACK_LATE_WINDOW_S": "90",
            "ECOMMERCE_TASK_DISAPPEARANCE_S": "2",
            "ECOMMERCE_KEEP_TASKS": "yes",
            "ECOMMERCE_TIMEOUT_S": "2.5",
            "ECOMMERCE_DEADLINE_S": "60",
            "ECOMMERCE_ALLOWED_HOSTS": "Shop.example, 10.0.0.1,[::1]",
            "ECOMMERCE_MAX_BODY_MB": "64",
            "ECOMMERCE_MAX_RECORDS": "500",
            "ECOMMERCE_HOLD_ABOVE_PERCENT": "80",
            "ECOMMERCE_SANDBOX_PRODUCTS": "5",
            "ECOMMERCE_SANDBOX_CUSTOMERS": "0",
            "ECOMMERCE_GATEWAY_ADMIN_URL": "http://gateway:8001/",
            "ECOMMERCE_PUBLIC_URL": "http://this-host:8501",
            "ECOMMERCE_BACKUP_DIR": "/srv/backups",
            "ECOMMERCE_BACKUP_EVERY_H": "0.25",
            "ECOMMERCE_BACKUP_KEEP": "48",
            "ECOMMERCE_MAX_AGE_H": "36",
            "ECOMMERCE_ALERT_URLS": "json://127.0.0.1:1/a,b  mailto://x:y@shop.example",
            "ECOMMERCE_ALERT_FROM": "Critical",
            "ECOMMERCE_ALERT_REMIND_H": "12",
            "ECOMMERCE_ALERT_LANGUAGE": "fr",
            "ECOMMERCE_PING_URL": "https://hc-ping.com/key/{dataset}",
            "ECOMMERCE_KEEP_DELIVERIES_DAYS": "90",
            "ECOMMERCE_KEEP_CHANGES_DAYS": "400",
            "ECOMMERCE_KEEP_REJECTED_DAYS": "30",
            "ECOMMERCE_KEEP_AUDIT_DAYS": "365",
            "ECOMMERCE_LOG": "JSON",
            "ECOMMERCE_OPERATORS": "Ada@shop.example, bob@shop.example",
            "ECOMMERCE_OPERATOR_CLAIM": "groups = CN=ops,OU=shop",
            "ECOMMERCE_SIGN_IN_HOURS": "1.5",
            "ECOMMERCE_AGENT_ROLE": "operator",
            "ECOMMERCE_SERVE_WITHOUT_SIGN_IN": "Yes",
        }
    )

    assert settings == Settings(
        gateway_url="http://gateway:8000",
        database=Path("/srv/shop.db"),
        app_name="shop",
        paths={"ECOMMERCE_CATALOGUE_PATH": "api/get-all", "ECOMMERCE_CRM_PATH": "api/clients/"},
        api_tokens=(ApiToken("notebook", TOKEN), ApiToken("token-2", f"{TOKEN}2")),
        callback_secrets=("new-secret-0123456", "old-secret-0123456"),
        callback_grace_s=1.5,
        callback_late_window_s=90,
        task_disappearance_s=2,
        keep_tasks=True,
        timeout_s=2.5,
        deadline_s=60,
        allowed_hosts=("shop.example", "10.0.0.1", "::1"),
        max_body_mb=64,
        max_records=500,
        hold_above_percent=80,
        sandbox_products=5,
        sandbox_customers=0,
        gateway_admin_url="http://gateway:8001",
        public_url="http://this-host:8501",
        backup_dir=Path("/srv/backups"),
        backup_every_h=0.25,
        backup_keep=48,
        max_age_h=36,
        alert_urls=("json://127.0.0.1:1/a,b", "mailto://x:y@shop.example"),
        alert_from="critical",
        alert_remind_h=12,
        alert_language="fr",
        ping_url="https://hc-ping.com/key/{dataset}",
        keep_deliveries_days=90,
        keep_changes_days=400,
        keep_rejected_days=30,
        keep_audit_days=365,
        log="json",
        operators=("ada@shop.example", "bob@shop.example"),
        operator_claim=("groups", "CN=ops,OU=shop"),
        sign_in_hours=1.5,
        agent_role="operator",
        serve_without_sign_in=True,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECOMMERCE_GATEWAY_URL", "gateway:8000"),
        ("ECOMMERCE_GATEWAY_URL", "ftp://gateway"),
        ("ECOMMERCE_GATEWAY_URL", "http://gateway:99999"),
        ("ECOMMERCE_DATABASE", "/"),
        ("ECOMMERCE_APP_NAME", "my shop"),
        ("ECOMMERCE_CATALOGUE_PATH", "api/../admin"),
        ("ECOMMERCE_CRM_PATH", "api/data?x=1"),
        ("ECOMMERCE_CALLBACK_GRACE_S", "-1"),
        ("ECOMMERCE_CALLBACK_GRACE_S", "inf"),
        ("ECOMMERCE_TIMEOUT_S", "0"),
        ("ECOMMERCE_TIMEOUT_S", "nan"),
        ("ECOMMERCE_DEADLINE_S", "soon"),
        ("ECOMMERCE_ALLOWED_HOSTS", "a,,b"),
        ("ECOMMERCE_ALLOWED_HOSTS", "host:8501"),
        ("ECOMMERCE_MAX_BODY_MB", "0.5"),
        ("ECOMMERCE_MAX_RECORDS", "0"),
        ("ECOMMERCE_HOLD_ABOVE_PERCENT", "101"),
        ("ECOMMERCE_HOLD_ABOVE_PERCENT", "-1"),
        ("ECOMMERCE_HOLD_ABOVE_PERCENT", "half"),
        ("ECOMMERCE_SANDBOX_PRODUCTS", "-1"),
        ("ECOMMERCE_SANDBOX_CUSTOMERS", "many"),
        ("ECOMMERCE_GATEWAY_ADMIN_URL", "gateway:8001"),
        ("ECOMMERCE_BACKUP_DIR", __file__),
        ("ECOMMERCE_BACKUP_EVERY_H", "0"),
        ("ECOMMERCE_BACKUP_EVERY_H", "nan"),
        ("ECOMMERCE_BACKUP_KEEP", "0"),
        ("ECOMMERCE_MAX_AGE_H", "0"),
        ("ECOMMERCE_ALERT_FROM", "error"),
        ("ECOMMERCE_ALERT_REMIND_H", "never"),
        ("ECOMMERCE_ALERT_LANGUAGE", "de"),
        ("ECOMMERCE_KEEP_DELIVERIES_DAYS", "-1"),
        ("ECOMMERCE_KEEP_AUDIT_DAYS", "0.5"),
        ("ECOMMERCE_LOG", "xml"),
        ("ECOMMERCE_OPERATORS", "ada"),
        ("ECOMMERCE_OPERATORS", "ada@shop.example,,"),
        ("ECOMMERCE_OPERATORS", "ada@shop.example bob@shop.example"),
        ("ECOMMERCE_OPERATOR_CLAIM", "groups"),
        ("ECOMMERCE_OPERATOR_CLAIM", "=x"),
        ("ECOMMERCE_SIGN_IN_HOURS", "0"),
        ("ECOMMERCE_AGENT_ROLE", "scheduler"),
        ("ECOMMERCE_SERVE_WITHOUT_SIGN_IN", "please"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_what_would_do(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({variable: value})

    message = str(caught.value)
    assert variable in message
    assert repr(value) in message
    assert "it takes" in message
    assert "\n" not in message


@pytest.mark.parametrize("variable", ["ECOMMERCE_GATEWAY_ADMIN_URL", "ECOMMERCE_PUBLIC_URL"])
def test_one_half_of_the_registration_is_refused(variable: str) -> None:
    with pytest.raises(SettingsError, match="go together: set both"):
        Settings.from_env({variable: "http://gateway:8001"})


@pytest.mark.parametrize(
    "value",
    [
        "short",
        TOKEN[:31],
        f"{TOKEN},",
        f"{TOKEN},{TOKEN}",
        f"a b:{TOKEN}",
        f":{TOKEN}",
        f"{TOKEN}é",
    ],
)
def test_a_bad_api_token_is_refused_and_never_repeated(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ECOMMERCE_API_TOKENS": value})
    assert "ECOMMERCE_API_TOKENS" in str(caught.value)
    assert value[:10] not in str(caught.value)


def test_no_secret_is_in_what_settings_say_of_themselves() -> None:
    settings = Settings.from_env(
        {"ECOMMERCE_API_TOKENS": TOKEN, "ECOMMERCE_CALLBACK_SECRET": "a-good-secret-0123"}
    )
    assert TOKEN not in repr(settings)
    assert "a-good-secret" not in repr(settings)


@pytest.mark.parametrize("value", ["short", "a-good-secret-0123,short", "x" * 16 + "," * 3])
def test_a_bad_secret_is_refused_and_never_repeated(value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ECOMMERCE_CALLBACK_SECRET": value})

    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:////srv/shop.db", Path("/srv/shop.db")),
        ("sqlite:///data/shop%20one.db", Path("data/shop one.db").absolute()),
        ("/srv/shop.db", Path("/srv/shop.db")),
    ],
)
def test_a_database_is_a_path_or_the_url_of_one(text: str, path: Path) -> None:
    settings = Settings.from_env({"ECOMMERCE_DATABASE": text})

    assert (settings.database, settings.database_url) == (path, None)


def test_a_database_of_a_server_keeps_its_own_files_in_a_folder_of_this_machine() -> None:
    one, other = "postgresql://ada:s3cret@db/shop", "postgresql://ada:s3cret@db/other"
    settings = Settings.from_env({"ECOMMERCE_DATABASE": one})
    elsewhere = Settings.from_env(
        {"ECOMMERCE_DATABASE": one, "ECOMMERCE_SNAPSHOT_DIR": "/srv/here"}
    )

    assert settings.database_url == one
    assert settings.database.parent == PROJECT_ROOT / "data"
    assert elsewhere.database == Path("/srv/here") / settings.database.name
    assert Settings.from_env({"ECOMMERCE_DATABASE": other}).database != settings.database
    assert "s3cret" not in repr(settings)


def test_a_url_of_no_database_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ECOMMERCE_DATABASE": "mysql://ada:s3cret@db/shop?password=s3cret"})

    assert caught.value.details["variable"] == "ECOMMERCE_DATABASE"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("variable", ["ECOMMERCE_ALERT_URLS", "ECOMMERCE_PING_URL"])
@pytest.mark.parametrize("value", ["hunter2", "https://shop.example/?key=hunter2 hunter2"])
def test_an_address_that_is_a_secret_is_never_repeated(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({variable: value})

    assert "hunter2" not in str(caught.value)
    assert variable in str(caught.value)


def test_the_settings_table_of_the_readme_is_true() -> None:
    source = (PROJECT_ROOT / "ecommerce_core" / "settings" / "settings.py").read_text("utf-8")
    in_code = set(re.findall(r'"(ECOMMERCE_[A-Z_]+)"', source))
    in_code |= {dataset.path_variable for dataset in DATASETS.values()}
    rows = re.findall(r"^\| `(ECOMMERCE_[A-Z_]+)` \| (.*?) \|", README.read_text("utf-8"), re.M)
    default = Settings()
    said = {
        "ECOMMERCE_CALLBACK_GRACE_S": f"{default.callback_grace_s:g}",
        "ECOMMERCE_CALLBACK_LATE_WINDOW_S": f"{default.callback_late_window_s:g}",
        "ECOMMERCE_TASK_DISAPPEARANCE_S": f"{default.task_disappearance_s:g}",
        "ECOMMERCE_KEEP_TASKS": f"`{'yes' if default.keep_tasks else 'no'}`",
        "ECOMMERCE_TIMEOUT_S": f"{default.timeout_s:g}",
        "ECOMMERCE_DEADLINE_S": f"{default.deadline_s:g}",
        "ECOMMERCE_MAX_BODY_MB": str(default.max_body_mb),
        "ECOMMERCE_MAX_RECORDS": str(default.max_records),
        "ECOMMERCE_HOLD_ABOVE_PERCENT": str(default.hold_above_percent),
        "ECOMMERCE_SANDBOX_PRODUCTS": str(default.sandbox_products),
        "ECOMMERCE_SANDBOX_CUSTOMERS": str(default.sandbox_customers),
        "ECOMMERCE_BACKUP_EVERY_H": f"{default.backup_every_h:g}",
        "ECOMMERCE_BACKUP_KEEP": str(default.backup_keep),
        "ECOMMERCE_ALERT_FROM": f"`{default.alert_from}`",
        "ECOMMERCE_ALERT_REMIND_H": f"{default.alert_remind_h:g}",
        "ECOMMERCE_ALERT_LANGUAGE": f"`{default.alert_language}`",
        "ECOMMERCE_KEEP_DELIVERIES_DAYS": str(default.keep_deliveries_days),
        "ECOMMERCE_KEEP_CHANGES_DAYS": str(default.keep_changes_days),
        "ECOMMERCE_KEEP_REJECTED_DAYS": str(default.keep_rejected_days),
        "ECOMMERCE_KEEP_AUDIT_DAYS": str(default.keep_audit_days),
        "ECOMMERCE_LOG": f"`{default.log}`",
        "ECOMMERCE_SIGN_IN_HOURS": f"{default.sign_in_hours:g}",
        "ECOMMERCE_AGENT_ROLE": f"`{default.agent_role}`",
        "ECOMMERCE_SERVE_WITHOUT_SIGN_IN": f"`{'yes' if default.serve_without_sign_in else 'no'}`",
        "ECOMMERCE_APP_NAME": f"`{default.app_name}`",
        "ECOMMERCE_CATALOGUE_PATH": "`api/data`",
        "ECOMMERCE_CRM_PATH": "`api/data`",
    }

    assert {name for name, _ in rows} == in_code
    assert {name: text for name, text in rows if name in said} == said


def test_a_password_in_a_url_is_never_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ECOMMERCE_GATEWAY_URL": "http://user:hunter2@gateway"})

    assert "hunter2" not in str(caught.value)
