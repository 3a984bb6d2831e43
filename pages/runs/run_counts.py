"""How many runs, or callbacks, ended in each way: ``2 runs succeeded``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecommerce_core.domain import Outcome, RunStatus
from pages.ui import language


def of_runs(counts: Mapping[RunStatus, int]) -> list[tuple[RunStatus, str]]:
    """Return each status that occurs, with the text of its count."""
    plural = language().plural
    forms: dict[RunStatus, Callable[[int], str]] = {
        RunStatus.RUNNING: lambda n: plural("{count} run under way", "{count} runs under way", n),
        RunStatus.SUCCEEDED: lambda n: plural("{count} run succeeded", "{count} runs succeeded", n),
        RunStatus.PARTIAL: lambda n: plural("{count} partial run", "{count} partial runs", n),
        RunStatus.UNCHANGED: lambda n: plural(
            "{count} run without changes", "{count} runs without changes", n
        ),
        RunStatus.HELD: lambda n: plural("{count} run held", "{count} runs held", n),
        RunStatus.FAILED: lambda n: plural("{count} run failed", "{count} runs failed", n),
        RunStatus.INTERRUPTED: lambda n: plural(
            "{count} run interrupted", "{count} runs interrupted", n
        ),
    }
    return [(each, form(counts[each])) for each, form in forms.items() if counts.get(each)]


def of_callbacks(counts: Mapping[Outcome, int]) -> list[tuple[Outcome, str]]:
    """Return each outcome that occurs, with the text of its count."""
    plural = language().plural
    forms: dict[Outcome, Callable[[int], str]] = {
        Outcome.EXECUTED: lambda n: plural(
            "{count} callback executed", "{count} callbacks executed", n
        ),
        Outcome.JOINED: lambda n: plural(
            "{count} callback joined a fetch", "{count} callbacks joined a fetch", n
        ),
        Outcome.FAILED: lambda n: plural("{count} callback failed", "{count} callbacks failed", n),
        Outcome.REFUSED: lambda n: plural(
            "{count} callback refused", "{count} callbacks refused", n
        ),
    }
    return [(each, form(counts[each])) for each, form in forms.items() if counts.get(each)]
