"""Which runs still count after an undo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ecommerce_core.domain import Action, Run


def not_undone(runs: Iterable[Run]) -> Iterator[Run]:
    """Yield the syncs and clears that no undo took back, of one dataset's good runs, newest first.

    An undo takes back all that happened since the run that it undoes.
    """
    undo: Action | None = None
    for run in runs:
        if run.action in {Action.UNDO_APPLY, Action.UNDO_CLEAR}:
            undo = run.action
        elif undo is Action.UNDO_APPLY:
            # An answer that was applied after a clear left aside the rows from before the clear, so
            # its undo takes back the clear too.
            undo = undo if run.confirms_run_id is None else Action.UNDO_CLEAR
        elif undo is None or run.action is not Action.CLEAR:
            undo = None
            yield run
