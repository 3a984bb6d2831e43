"""Parts that commands share: opening the application, options, and output."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from ecommerce_core.application import Application
from ecommerce_core.datasets import DATASETS, Dataset
from ecommerce_core.domain import Actor, EcommerceError, Role, SettingsError
from ecommerce_core.logs import terminal_safe
from ecommerce_core.settings import Settings

# An address that refuses connections: commands that call no peer must not need a gateway.
NO_GATEWAY = "http://127.0.0.1:9"

ALL = "all"


@dataclass(frozen=True, slots=True)
class Shop:
    """The data of a call to the commands: its ``obj``, such as ``cli(obj=Shop(…))``."""

    datasets: Mapping[str, Dataset]


def datasets_of(context: click.Context) -> Mapping[str, Dataset]:
    """Return the datasets of a call; by default the application's own."""
    shop = context.find_object(Shop)
    return DATASETS if shop is None else shop.datasets


class DatasetName(click.ParamType[str]):
    """The name of one of the call's datasets; with ``or_all``, also ``all``."""

    name = "dataset"

    def __init__(self, *, or_all: bool = False) -> None:
        self._more = (ALL,) if or_all else ()

    def _choice(self, context: click.Context | None) -> click.Choice[str]:
        known = DATASETS if context is None else datasets_of(context)
        return click.Choice([*known, *self._more])

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the names in the form of a usage line."""
        return self._choice(ctx).get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name if there is such a dataset."""
        return self._choice(ctx).convert(value, param, ctx)


dataset_argument = click.argument("dataset", type=DatasetName(or_all=True))
json_option = click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")


def operator() -> Actor:
    """Return the user of the terminal as an operator, named as on this machine."""
    try:
        return Actor(getpass.getuser(), Role.OPERATOR)
    except (KeyError, OSError):  # a user without a name, as in some containers
        return Actor(f"uid {os.getuid()}", Role.OPERATOR)


def names_of(dataset: str) -> list[str]:
    """Return the datasets that an argument names."""
    return list(called_with()) if dataset == ALL else [dataset]


def called_with() -> Mapping[str, Dataset]:
    """Return the datasets of the call under way."""
    return datasets_of(click.get_current_context())


def read_settings() -> Settings:
    """Read the settings. Raises click.UsageError if one is invalid."""
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        raise click.UsageError(terminal_safe(str(error))) from error


def gateway_url(settings: Settings) -> str:
    """Return the gateway's URL. Raises click.UsageError if it is not set."""
    if settings.gateway_url is None:
        raise click.UsageError(
            "ECOMMERCE_GATEWAY_URL is not set: it takes the gateway's base URL. "
            "`python -m ecommerce_core sandbox --port 8000` starts one to try with."
        )
    return settings.gateway_url


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn an expected error into one line and exit code 1, or 2 for a setting."""
    try:
        yield
    except SettingsError as error:
        raise click.UsageError(terminal_safe(str(error))) from error
    except EcommerceError as error:
        raise click.ClickException(terminal_safe(str(error))) from error


@contextmanager
def opened(*, needs_gateway: bool) -> Iterator[Application]:
    """Open an application with its workers, for one command."""
    settings = read_settings()
    url = gateway_url(settings) if needs_gateway else settings.gateway_url or NO_GATEWAY
    with errors_in_words():
        application = Application.open(settings, gateway_url=url, datasets=called_with())
        patience_s = 8.0
        try:
            application.start(watch=False)
            yield application
        except KeyboardInterrupt:
            patience_s = 0.0  # on an interrupt, do not wait for what runs: it is rolled back
            raise
        finally:
            application.stop(timeout_s=patience_s)
            application.close()


def say(text: str, *, err: bool = False) -> None:
    """Print a line that may contain text of others, escaped for the terminal."""
    click.echo(terminal_safe(text), err=err)


def echo_json(value: object) -> None:
    """Print a result for a program, as ASCII, so that nothing in it can control a terminal."""
    click.echo(json.dumps(value, indent=2, default=str))
