"""The command that writes the rows that match a question, as a page's address asks it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import parse_qs

import click

from ecommerce_core.application import Application
from ecommerce_core.cli.common import DatasetName, opened, operator
from ecommerce_core.datasets import Dataset, View, parse_address, query_of
from ecommerce_core.domain import AuditAction
from ecommerce_core.logs import terminal_safe
from ecommerce_core.storage import (
    BOM,
    Selection,
    Work,
    write_csv,
    write_json,
    write_parquet,
    write_xlsx,
)

FORMATS = ("csv", "json", "parquet", "xlsx")


@click.command()
@click.argument("dataset", type=DatasetName())
@click.argument("question", default="")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="csv")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Not to stdout.")
def export(dataset: str, question: str, file_format: str, output: Path | None) -> None:
    """Write the rows that match a QUESTION, such as 'family=TV&price=-500&sort=-price'.

    It is the query string of the page's address. Ends with 2 if a part of it makes no sense.
    """
    if output is None and sys.stdout.isatty():
        raise click.UsageError("rows are not for a terminal: give --output FILE, or redirect")
    with opened(needs_gateway=False) as application:
        of = application.datasets[dataset]
        said = parse_qs(question.removeprefix("?"), keep_blank_values=True)
        view, ignored = parse_address(said, of)
        if ignored:
            parts = terminal_safe(", ".join(ignored))
            raise click.BadParameter(f"makes no sense: {parts}", param_hint="QUESTION")
        with tempfile.TemporaryFile(dir=application.reader.folder) as made:
            out = cast(BinaryIO, made)
            rows = _write(application, of, view, file_format, out)
            size = out.seek(0, 2)
            out.seek(0)
            with click.open_file("-" if output is None else str(output), "wb") as file:
                file.write(BOM if file_format == "csv" else b"")
                shutil.copyfileobj(out, file)
        application.audit_log.record(
            AuditAction.ROWS_EXPORTED,
            by=operator(),
            subject=f"{dataset}.{file_format}",
            rows=rows,
            bytes=size,
        )


def _write(
    application: Application, dataset: Dataset, view: View, file_format: str, out: BinaryIO
) -> int:
    """Write all rows that match, and return how many. Raises StoreError."""
    began = partial(application.run_began, dataset.name)
    query = query_of(view, dataset, now=datetime.now(UTC), zone=UTC, run_began=began)
    work = Work()
    with application.reader.at(dataset) as rows, work.on(rows.cursor):
        sql, values = rows.select(query)
        selection = Selection(work, sql, values, dataset.row_columns)
        count = rows.count_rows(query)
        if file_format == "csv":
            write_csv(selection, out, language="en")
        elif file_format == "json":
            write_json(selection, out)
        elif file_format == "parquet":
            write_parquet(selection, out)
        else:
            title, folder = dataset.name.capitalize(), application.reader.folder
            write_xlsx(selection, out, title=title, folder=folder)
    return count
