"""The sign-in screen, in place of every page until the visitor has signed in; and the sign-out.

The application decides on roles: this module only calls the provider, and shows its outcome.
"""

from __future__ import annotations

import streamlit as st

from ecommerce_core.domain import N_
from pages.ui import session
from pages.ui.session import escape, language
from pages.ui.session import text as _

# The outcomes that sign_in_routes puts into the address.
OUTCOMES = {
    "refused": N_("The provider refused the sign-in, or it was cancelled. Nothing is wrong here."),
    "unreachable": N_("The provider does not answer. Try again in a moment."),
    "failed": N_("The sign-in was not completed: it took too long or was begun elsewhere."),
}


def show() -> None:
    """Show the sign-in screen."""
    providers = session.application().access.providers
    st.space("large")
    with (
        st.container(horizontal_alignment="center"),
        st.container(border=True, width=460, horizontal_alignment="center", gap="medium"),
    ):
        st.title(_("E-commerce operations"), anchor=False, text_alignment="center")
        st.markdown(_("Sign in to see what our shop holds."), text_alignment="center")
        outcome = OUTCOMES.get(st.query_params.get("sign_in", ""))
        if outcome is not None:
            st.warning(_(outcome), icon=":material/lock:")
        for provider in providers:
            is_only = len(providers) == 1
            name = "" if provider == "default" else f" · {escape(provider)}"
            st.button(
                _("Sign in") + ("" if is_only else name),
                key="sign_in" if is_only else f"sign_in_{provider}",
                type="primary",
                icon=":material/login:",
                on_click=st.login,
                args=() if provider == "default" else (provider,),
            )


def show_visitor() -> None:
    """Show the visitor's name, role and a sign-out button, or nothing if nobody has to sign in."""
    visitor = session.visitor()
    if visitor is None or not session.application().access.must_sign_in:
        return
    st.query_params.pop("sign_in", None)
    role = language().word(visitor.role).capitalize()
    st.caption(f":material/person: **{escape(visitor.name)}**  \n{role}")
    if st.user.get("is_logged_in"):
        st.button(
            _("Sign out"), key="sign_out", icon=":material/logout:", on_click=session.sign_out
        )
