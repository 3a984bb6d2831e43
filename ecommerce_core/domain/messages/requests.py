"""Reasons for which a request is refused or cannot be answered."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

REQUESTS = {
    "host_missing": N_("one valid Host header is needed; it is {shown}"),
    "host_unknown": N_(
        "this server does not answer to the host {host}; an operator can allow it with "
        "ECOMMERCE_ALLOWED_HOSTS"
    ),
    "other_machine": N_(
        "nobody signs in here, so this server answers requests from its own machine only"
    ),
    "other_site": N_("a browser sent this from another site ({header}: {said})"),
    "control_character": N_("the path holds a control character"),
    "not_served": N_("nothing is served at this address"),
    "method_not_taken": N_("this address takes {methods}"),
    "websocket_needed": N_("this address takes a WebSocket"),
    "server_not_up": N_("the application is starting or stopping"),
    "shutting_down": N_("the application is shutting down"),
    "server_failed": N_("something went wrong on our side; it is in the log"),
    "no_thread": N_("the server could not start a thread"),
    "too_many_pages": N_("too many pages are open"),
    "caller_hung_up": N_("the caller closed the connection during its request"),
    "body_too_long": N_("the body is longer than {count} bytes"),
    "body_too_slow": N_("the body took longer than {seconds:g} s to arrive"),
    "task_token_missing": N_("the body holds no token; tasks added by the dashboard carry one"),
    "task_token_wrong": N_("the token in the body is not valid for this task"),
    "page_ticket_needed": N_("this takes the ticket of a page whose visitor signed in"),
    "ticket_forged": N_("this link was not made for this question: take it from the page again"),
    "ticket_expired": N_("this link holds no longer: take it from the page again"),
    "ticket_signed_out": N_("this link was made by a sign-in that has been ended"),
    "rows_not_signed": N_(
        "rows are for who has signed in: take a link from the page, or send a token"
    ),
    "api_token_wrong": N_("the token is none of ECOMMERCE_API_TOKENS"),
    "query_unreadable": N_("the query string cannot be read"),
    "parameter_unknown": N_("{name} is no parameter here; there are {names}"),
    "parameter_wrong": N_("{name}={value} makes no sense: it takes {takes}"),
    "parameter_repeated": N_("{name}={value} makes no sense: it takes {takes}, and once"),
    "sql_needed": N_("sql=… is needed: one SELECT statement"),
    "runs_needed": N_("from=… and to=… are needed: the numbers of two runs"),
    "run_of_another": N_("{name}={number} is no run of {dataset}"),
    "file_not_written": N_("the file cannot be written just now"),
    "file_cut": N_("the application is stopping"),
    "rows_too_many_to_sort": N_("these rows take more memory to sort than there is"),
    "rows_not_read": N_("the rows cannot be read just now"),
    "database_held": N_("another process holds the database"),
    "database_full": N_("no room on the disk"),
    "database_damaged": N_("the database file is damaged"),
    "database_foreign": N_("the database file belongs to something else"),
    "database_failed": N_("the database cannot be written"),
    "audit_question": N_("the audit is asked for by action and actor, each once"),
    "audit_action_unknown": N_("action={value} is none of those that there are: {known}"),
    "audit_not_read": N_("the audit cannot be read just now"),
}
