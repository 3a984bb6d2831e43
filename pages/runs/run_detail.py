"""The details of one run: stages, counts, its error, rejected records, and changes."""

from __future__ import annotations

import json
from dataclasses import asdict

import streamlit as st

from ecommerce_core.domain import Change, Resolution, Run, RunStatus
from pages import ui
from pages.runs import held_run, hints, run_summary
from pages.ui import escape, labels, language, status
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table


def show(run: Run) -> None:
    words = language()
    with st.container(border=True):
        title = _("Run {id}: {action} · {dataset}")
        names = words.word(run.action), labels.dataset_label(run.dataset)
        st.subheader(title.format(id=run.id, action=names[0], dataset=names[1]), anchor=False)
        facts = {
            _("Trigger"): words.word(run.trigger),
            **({_("Who"): run.actor} if run.actor else {}),
            _("Started"): words.moment(run.started_at),
            _("Result"): run_summary.summary(run),
        }
        if run.duration_s is not None:
            stages = [
                f"{words.word(stage)} {words.duration(took_s)}"
                for stage, took_s in run.stages_s.items()
            ]
            facts[_("Duration")] = " · ".join([words.duration(run.duration_s), *stages])
        if run.body_bytes:
            facts[_("Downloaded")] = words.size(run.body_bytes)
        if run.simulated_at is not None:
            facts[_("Simulated time")] = words.simulated(run.simulated_at)
        if run.task_name:
            facts[_("Task")] = run.task_name
        if run.resolution is not None:
            facts[_("Decision")] = _decision(run, run.resolution)
        told = {key: escape(value) for key, value in facts.items()}
        st.table({_("Status"): status.pill(run.shown_status), **told}, border="horizontal")
        held = ui.application().store.held_run(run.dataset)
        if held is not None and held.id == run.id:
            held_run.held(run, keys=("apply_run", "discard_run"))
        elif run.error:
            todo = hints.of(run)
            failed = run.status in {RunStatus.FAILED, RunStatus.INTERRUPTED}
            text = f"{ui.sentence(run.error)}\n\n{todo}" if todo else ui.sentence(run.error)
            (st.error if failed else st.info)(text, title=_("What happened"))
        _rejected_records(run)
        _changes(run, ui.application().store.list_changes(run.id))


def _decision(run: Run, resolution: Resolution) -> str:
    """Return what was decided about a held run. Raises StoreError."""
    applying = ui.application().store.applying_run(run.id)
    if resolution is Resolution.CONFIRMED and applying is not None:
        return _("applied by run {id}").format(id=applying.id)
    return language().word(resolution)


def _rejected_records(run: Run) -> None:
    rejected = ui.application().store.list_rejected(run.id)
    if not rejected:
        return
    st.markdown(f"**{_('Rejected records')}**")
    columns = [
        TableColumn("position", "number", _("Position")),
        TableColumn("key", label=_("Key")),
        TableColumn("reason", label=_("Reason")),
        TableColumn("record", label=_("Record")),
    ]
    words = language()
    told = [
        {
            "position": one.position,
            "key": one.key,
            "reason": words.fact(one.reason),
            "record": one.record,
        }
        for one in rejected
    ]
    show_table(told, columns, key="rejected_table", alt=_("Rejected records"))
    as_plain = [{**row, **asdict(one.reason)} for row, one in zip(told, rejected, strict=True)]
    st.download_button(
        _("Download as JSON"),
        json.dumps(as_plain, ensure_ascii=False, indent=2),
        file_name=f"{run.dataset}-run-{run.id}-rejected.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _changes(run: Run, found: list[Change]) -> None:
    if not found:
        return
    dataset = ui.application().datasets.get(run.dataset)
    st.markdown(f"**{_('What changed')}**")
    rows = [
        {
            "key": change.key,
            "field": labels.field_label(dataset, change.field),
            "old": labels.shown_field(dataset, change.field, change.old),
            "new": labels.shown_field(dataset, change.field, change.new),
        }
        for change in found
    ]
    columns = [
        TableColumn("key", label=_("Key")),
        TableColumn("field", label=_("Field")),
        TableColumn("old", label=_("Before")),
        TableColumn("new", label=_("After")),
    ]
    show_table(rows, columns, key="changes_table", alt=_("What the run changed, field by field"))
