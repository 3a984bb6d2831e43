"""How runs end, and what an actor or a setting does not allow."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

RUNS = {
    "held_would_withdraw": N_(
        "the answer would withdraw {withdrawn} of {current} rows. Nothing was changed; "
        "confirm or discard it."
    ),
    "held_renumbered": N_(
        "the answer would withdraw {withdrawn} of {current} rows, and {same} come back under "
        "another key, otherwise the same: the peer gave them new numbers. Nothing was changed; "
        "confirm or discard it."
    ),
    "held_after_clear": N_(
        "the answer has {records} records where {cleared} rows were cleared. Nothing was "
        "changed; confirm or discard it."
    ),
    "sync_under_way": N_("a sync of {dataset} is under way; try again when it has ended"),
    "stopping": N_("the application is shutting down; nothing was changed"),
    "run_not_held": N_("run {run_id} does not wait for a decision"),
    "nothing_to_undo": N_("nothing to undo: no cleared rows of {dataset} are kept"),
    "delivery_unknown": N_("callback {id} is not in the journal"),
    "only_fetches": N_("the scheduler may ask for a fetch, and for nothing else"),
    "only_signed_in": N_("only who has signed in may do this; nothing was changed"),
    "only_operators": N_(
        "only an operator may do this, and {name} is an analyst; nothing was changed"
    ),
    "setting_wrong": N_("{variable} is {value}: it takes {what}"),
    "settings_go_together": N_(
        "ECOMMERCE_GATEWAY_ADMIN_URL and ECOMMERCE_PUBLIC_URL go together: set both to "
        "register with the gateway, or none"
    ),
    "sign_in_needed": N_(
        "server.address is {address}, and without sign-in everybody who reaches it is an "
        "operator: set up [auth] in .streamlit/secrets.toml, or serve 127.0.0.1, or say "
        "ECOMMERCE_SERVE_WITHOUT_SIGN_IN=yes"
    ),
    "sign_in_redirect_wrong": N_(
        "redirect_uri in [auth] of secrets.toml is {value}: it takes this server's URL with "
        "the path {path}"
    ),
    "sign_in_secret_too_short": N_(
        "cookie_secret in [auth] of secrets.toml is too short: it takes at least {count} "
        "random characters"
    ),
    "sign_in_lacks_key": N_("{section} of secrets.toml lacks {key}: sign-in needs it"),
    # Somebody's own words, in whatever language they were said.
    "said": "{text}",
    "unforeseen_error": N_("an unforeseen error: {kind}"),
    "process_ended": N_("The process ended during this run; nothing of it was stored."),
    "server_stopped": N_("the server stopped before the run had ended"),
    "run_ended": N_("run {run_id} was {status}"),
}
