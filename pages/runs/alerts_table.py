"""The table of alerts with their times, and a test of the message services."""

from __future__ import annotations

import streamlit as st

from pages import ui
from pages.ui import language
from pages.ui import text as _
from pages.ui.table import TableColumn, show_table

LISTED = 100


def show() -> None:
    """Show open and ended alerts, the newest first, and the test. Raises StoreError."""
    app, words = ui.application(), language()
    records = app.store.list_alerts(limit=LISTED)
    if records:
        rows = [
            {
                "since": record.alert.since_at,
                "severity": record.alert.severity.value,
                "title": ui.title_of(record.alert),
                "until": record.ended_at,
                "lasted": None
                if record.ended_at is None
                else max(0.0, (record.ended_at - record.alert.since_at).total_seconds()),
            }
            for record in records
        ]
        columns = [
            TableColumn("since", "moment", _("Since ({zone})").format(zone=words.place)),
            TableColumn("title", label=_("Alert"), width=350),
            TableColumn("severity", "status", _("Severity"), width=110),
            TableColumn("until", "moment", _("Until ({zone})").format(zone=words.place)),
            TableColumn("lasted", "duration", _("Duration")),
        ]
        show_table(rows, columns, key="alerts_table", alt=_("Alerts, newest first"))
    else:
        st.caption(f":material/check_circle: {_('No alert so far.')}")
    _services()


def _services() -> None:
    """Show where messages are sent, and the button that tests it, if the visitor may use it."""
    services = ui.application().messenger.services
    if not services:
        text = _("Nobody is sent a message: ECOMMERCE_ALERT_URLS is not set.")
        st.caption(f":material/notifications_off: {text}")
        return
    names = ", ".join(service.name for service in services)
    st.caption(f":material/notifications: {_('Messages go to: {names}').format(names=names)}")
    if ui.may_change():
        st.button(
            _("Send a test message"),
            key="send_test_message",
            icon=":material/send:",
            on_click=_send_test,
        )


def _send_test() -> None:
    taken = ui.application().send_test_message(actor=ui.actor())
    for name, is_taken in taken.items():
        text = _("{name}: sent") if is_taken else _("{name} takes no messages")
        icon = ":material/check_circle:" if is_taken else ":material/error:"
        ui.flash(text.format(name=name), icon=icon)
