"""What the commands share: the application they work with, options, and how results are said."""

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

# A dead address: commands that never ask a peer must not need a gateway.
NO_GATEWAY = "http://127.0.0.1:9"

ALL = "all"


@dataclass(frozen=True, slots=True)
class Shop:
    """What the commands work with: the ``obj`` of a call, such as ``cli(obj=Shop(…))``."""

    datasets: Mapping[str, Dataset]


def datasets_of(context: click.Context) -> Mapping[str, Dataset]:
    """The datasets of a call; the application's own unless it says otherwise."""
    shop = context.find_object(Shop)
    return DATASETS if shop is None else shop.datasets


class DatasetName(click.ParamType[str]):
    """The name of one of the call's datasets; with ``or_all``, ``all``, too."""

    name = "dataset"

    def __init__(self, *, or_all: bool = False) -> None:
        self._more = (ALL,) if or_all else ()

    def _choice(self, context: click.Context | None) -> click.Choice[str]:
        known = DATASETS if context is None else datasets_of(context)
        return click.Choice([*known, *self._more])

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The names, as a usage line has them."""
        return self._choice(ctx).get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if there is such a dataset."""
        return self._choice(ctx).convert(value, param, ctx)


dataset_argument = click.argument("dataset", type=DatasetName(or_all=True))
json_option = click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")


def operator() -> Actor:
    """Who types: an operator, called what the machine calls its user."""
    try:
        return Actor(getpass.getuser(), Role.OPERATOR)
    except (KeyError, OSError):  # a user without a name, as a container's may be
        return Actor(f"uid {os.getuid()}", Role.OPERATOR)


def names_of(dataset: str) -> list[str]:
    """The datasets that an argument names."""
    return list(called_with()) if dataset == ALL else [dataset]


def called_with() -> Mapping[str, Dataset]:
    """The datasets of the call under way."""
    return datasets_of(click.get_current_context())


def read_settings() -> Settings:
    """The settings; one that makes no sense is wrong use."""
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        raise click.UsageError(terminal_safe(str(error))) from error


def gateway_url(settings: Settings) -> str:
    """The gateway's URL, which must be set."""
    if settings.gateway_url is None:
        raise click.UsageError(
            "ECOMMERCE_GATEWAY_URL is not set: it takes the gateway's base URL. "
            "`python -m ecommerce_core sandbox --port 8000` starts one to try with."
        )
    return settings.gateway_url


@contextmanager
def errors_in_words() -> Iterator[None]:
    """What was foreseen is told in one line and ends with 1."""
    try:
        yield
    except EcommerceError as error:
        raise click.ClickException(terminal_safe(str(error))) from error


@contextmanager
def opened(*, needs_gateway: bool) -> Iterator[Application]:
    """An application with its workers, for one command."""
    settings = read_settings()
    url = gateway_url(settings) if needs_gateway else settings.gateway_url or NO_GATEWAY
    with errors_in_words():
        application = Application.open(settings, gateway_url=url, datasets=called_with())
        patience_s = 8.0
        try:
            application.start(watch=False)
            yield application
        except KeyboardInterrupt:
            patience_s = 0.0  # who interrupts wants no more of it: what runs is rolled back
            raise
        finally:
            application.stop(timeout_s=patience_s)
            application.close()


def say(text: str, *, err: bool = False) -> None:
    """Say a line that may hold what others wrote: it does nothing to the terminal."""
    click.echo(terminal_safe(text), err=err)


def echo_json(value: object) -> None:
    """Say a result for a program. It is ASCII, so that a terminal takes none of it for more."""
    click.echo(json.dumps(value, indent=2, default=str))
