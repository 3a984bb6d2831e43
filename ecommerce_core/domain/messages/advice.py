"""What to do about an error, by its code: for pages and the command line alike."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

_GATEWAY = N_(
    "See that the gateway runs and that ECOMMERCE_GATEWAY_URL names it, then fetch again."
)
_CONTRACT = N_(
    "The peer broke the contract, and will again: tell those who run it what stands here."
)
_PATH = N_("The peer refuses our question: see that the path in the settings is right.")
_TROUBLE = N_(
    "The peer is in trouble: fetch again in a while, and tell those who run it if it stays."
)
_BUSY = N_("Another program holds the database: fetch again in a moment.")
_ROOM = N_("Make room on the disk, then fetch again.")
_RESTORE = N_("Stop the server and restore a backup.")
_STOPPED = N_("The server stopped in the middle of it: fetch again.")
_OTHERWISE = N_("Fetch again; if it stays so, the server's log tells more.")

ADVICE = {
    "gateway_name_unknown": _GATEWAY,
    "gateway_timed_out": _GATEWAY,
    "gateway_untrusted": _GATEWAY,
    "gateway_refuses": _GATEWAY,
    "address_invalid": _GATEWAY,
    "no_route": N_("The gateway must learn where the peer is; then fetch again."),
    "peer_down": N_("Fetch again once the peer runs."),
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
    "too_many_records": N_("If so many are right, raise ECOMMERCE_MAX_RECORDS and start again."),
    "answer_not_read_in_time": N_(
        "If so much is right, raise ECOMMERCE_DEADLINE_S and start again."
    ),
    "answer_too_large": N_("If so much is right, raise ECOMMERCE_MAX_BODY_MB and start again."),
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
    """What to do after an error of this code: a source text."""
    return ADVICE.get(code, _OTHERWISE)
