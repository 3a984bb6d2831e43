"""Ends of runs, and refusals by a role or a setting."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

RUNS = {
    "held_would_withdraw": N_(
        "the answer would withdraw {withdrawn} of {current} rows. It was not applied."
    ),
    "held_renumbered": N_(
        "the answer would withdraw {withdrawn} of {current} rows, and {same} come "
        "back under another key, otherwise the same: the source gave them new "
        "numbers. It was not applied."
    ),
    "held_after_clear": N_(
        "the answer has {records} records, but {cleared} rows were cleared. It was not applied."
    ),
    "sync_under_way": N_("a sync of {dataset} is under way; try again when it has ended"),
    "stopping": N_("the application is shutting down; nothing was changed"),
    "run_not_held": N_("run {run_id} does not wait for a decision"),
    "nothing_to_undo": N_("nothing to undo: no cleared rows of {dataset} are kept"),
    "no_answer_to_undo": N_("nothing to undo: no held answer of {dataset} was applied last"),
    "delivery_unknown": N_("callback {id} is not in the journal"),
    "only_fetches": N_("the scheduler may only request a fetch"),
    "only_signed_in": N_("sign in to do this; nothing was changed"),
    "only_operators": N_(
        "only an operator may do this, and {name} is an analyst; nothing was changed"
    ),
    "setting_wrong": N_("{variable} is {value}: it takes {what}"),
    "alert_url_unknown": N_(
        "ECOMMERCE_ALERT_URLS: number {number} is no URL that Apprise knows;"
        " see https://github.com/caronc/apprise/wiki"
    ),
    "settings_go_together": N_(
        "ECOMMERCE_GATEWAY_ADMIN_URL and ECOMMERCE_PUBLIC_URL go together: set both to "
        "register with the gateway, or none"
    ),
    "sign_in_needed": N_(
        "server.address is {address}, and without sign-in everybody who reaches it "
        "is an operator: set up [auth] in .streamlit/secrets.toml, or bind to "
        "127.0.0.1 only, or set ECOMMERCE_SERVE_WITHOUT_SIGN_IN=yes"
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
    # A person's or peer's own words, in any language.
    "said": "{text}",
    "unforeseen_error": N_("an unexpected error: {kind}"),
    "process_ended": N_("The process ended during this run; nothing of it was stored."),
    "server_stopped": N_("the server stopped before the run had ended"),
    "run_ended": N_("run {run_id} was {status}"),
}
