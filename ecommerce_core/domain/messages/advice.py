"""Advice on an error, by its code, for pages and the command line."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

_GATEWAY = N_(
    "Check that the gateway is running and that ECOMMERCE_GATEWAY_URL is right, then fetch again."
)
_CONTRACT = N_(
    "The answer does not match the contract; retrying will not help. Send this "
    "message to the owners of the service."
)
_PATH = N_("The service refuses our request: check the path in the settings.")
_TROUBLE = N_("The service is having problems. Try again later; tell its owners if it persists.")
_BUSY = N_("Another program is using the database: fetch again in a moment.")
_ROOM = N_("Free up disk space, then fetch again.")
_RESTORE = N_("Stop the server and restore a backup.")
_STOPPED = N_("The server stopped during this run: fetch again.")
_OTHERWISE = N_("Fetch again; if it persists, see the server's log.")

ADVICE = {
    "gateway_name_unknown": _GATEWAY,
    "gateway_timed_out": _GATEWAY,
    "gateway_untrusted": _GATEWAY,
    "gateway_refuses": _GATEWAY,
    "address_invalid": _GATEWAY,
    "no_route": N_("Add a route for this service to the gateway, then fetch again."),
    "peer_down": N_("Fetch again once the service is running."),
    "status_unexpected": _CONTRACT,
    "encoding_unexpected": _CONTRACT,
    "answer_not_unpacked": _CONTRACT,
    "not_http": _CONTRACT,
    "answer_not_json": _CONTRACT,
    "answer_of_another_shape": _CONTRACT,
    "no_record_taken": _CONTRACT,
    "redirect_not_sent_again": _CONTRACT,
    "redirect_without_address": _CONTRACT,
    "redirect_away": _CONTRACT,
    "too_many_redirects": _CONTRACT,
    "clock_not_json": _CONTRACT,
    "clock_not_a_list": _CONTRACT,
    "clock_value_wrong": _CONTRACT,
    "tasks_not_json": _CONTRACT,
    "tasks_without_table": _CONTRACT,
    "tasks_table_cut": _CONTRACT,
    "tasks_markup_unreadable": _CONTRACT,
    "too_many_records": N_("If this number is expected, raise ECOMMERCE_MAX_RECORDS and restart."),
    "answer_not_read_in_time": N_(
        "If this size is expected, raise ECOMMERCE_DEADLINE_S and restart."
    ),
    "answer_too_large": N_("If this size is expected, raise ECOMMERCE_MAX_BODY_MB and restart."),
    "peer_refused": _PATH,
    "peer_refused_with_reason": _PATH,
    "peer_failed": _TROUBLE,
    "peer_failed_with_reason": _TROUBLE,
    "peer_silent": _TROUBLE,
    "peer_fell_silent": _TROUBLE,
    "peer_too_slow": _TROUBLE,
    "no_answer": _TROUBLE,
    "answer_cut": _TROUBLE,
    "store_busy": _BUSY,
    "store_writing": _BUSY,
    "disk_full": _ROOM,
    "store_not_sound": _RESTORE,
    "store_fails_check": _RESTORE,
    "process_ended": _STOPPED,
    "stopping": _STOPPED,
}


def advice(code: str) -> str:
    """Return the advice after an error of this code, as a source text."""
    return ADVICE.get(code, _OTHERWISE)
