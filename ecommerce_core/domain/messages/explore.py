"""What is said of queries on the explore page."""

from __future__ import annotations

from collections.abc import Mapping

from ecommerce_core.domain.labels import N_

EXPLORE: Mapping[str, str] = {
    "explore_busy": N_("Too many queries are running; try again in a moment."),
    "explore_cancelled": N_("The query was cancelled."),
    "explore_failed": N_("The database does not understand the query: {reason}"),
    "explore_no_function": N_("The function “{name}” is not available."),
    "explore_no_table": N_("There is no table “{name}” here."),
    "explore_one_select": N_("Only a single SELECT statement can be run."),
    "explore_timed_out": N_("The query took longer than {seconds:g} s and was stopped."),
    "explore_too_large": N_("The query needs too much memory, or its answer is too large."),
    "explore_too_many_rows": N_("The answer has more than {most} rows: add a LIMIT."),
    "explore_too_long": N_("A query has {most} characters at most."),
}
