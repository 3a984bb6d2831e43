"""The frame around every page: the navigation, the language, and the simulated time."""

from pathlib import Path

import streamlit as st

from ecommerce_core.domain import LANGUAGES, language_of
from pages import ui
from pages.runs import issues
from pages.ui import address, escape, labels, session, shortcuts, sign_in
from pages.ui import text as _
from pages.ui.current_application import page_of
from pages.ui.live import live_channel

ASSETS = Path(__file__).parent.parent / "assets"
SHOWN_ALERTS = 4
ALERTS_IN_FULL = {"", "activity"}
SIDEBAR_PX = 220
# At its usual place a toast covers the head of a page, which says what the toast is about.
TOASTS_LOOK = """<style>
[data-testid="stToastContainer"] { top: auto; bottom: 0.5rem; }
</style>"""


def choose_language() -> None:
    """Show the switch. A language other than the browser's is in the URL: ``?language=fr``."""
    state = st.session_state
    asked, own = st.query_params.get(address.LANGUAGE), language_of(st.context.locale)
    is_first = "_language_in_url" not in state
    is_news = asked != state.get("_language_in_url") and (is_first or address.may_tell())
    if asked in LANGUAGES and is_news:
        state["language"] = asked  # a shared link, or a step back to an address with a language
    if state.get("language") not in LANGUAGES:
        # The first run, or a click that coincided with a page change: the browser then sends None.
        state["language"] = state.get("_language", own)
    st.segmented_control(
        "Language · Langue",
        list(LANGUAGES),
        key="language",
        required=True,
        format_func=lambda code: LANGUAGES[code],
        label_visibility="collapsed",
    )
    if state["language"] in LANGUAGES:
        state["_language"] = state["language"]
    state["_language_in_url"] = None if state["_language"] == own else state["_language"]
    address.change({address.LANGUAGE: state["_language_in_url"]})


def show_sandbox() -> None:
    """Show that the data is invented, if it is."""
    if ui.application().sandbox_url is not None:
        text = _("Sample data. Set ECOMMERCE_GATEWAY_URL to connect a real gateway.")
        st.badge(_("Sandbox"), icon=":material/science:", color="gray", help=text)


def show_health() -> None:
    """Show the alerts in a few lines; pages show what to do about them."""
    found = [alert for alert in ui.alerts() if alert.code not in issues.IN_BANNER]
    for alert in found[:SHOWN_ALERTS]:
        icon = issues.ICONS.get(alert.code, ":material/warning:")
        st.caption(f"{icon} {ui.title_of(alert, escape)}")
    if len(found) > SHOWN_ALERTS:
        more = ui.language().number(len(found) - SHOWN_ALERTS)
        st.caption(_("and {n} more").format(n=more))


# Before anything is drawn: a browser takes the width of a sidebar that it has not drawn yet.
st.set_page_config(layout="wide", initial_sidebar_state=SIDEBAR_PX)
with st.sidebar:
    choose_language()
    st.html(TOASTS_LOOK)

st.set_page_config(
    page_title=_("E-commerce operations"),
    page_icon=ASSETS / "icon.svg",
    menu_items={"About": _("What our shop holds, where it comes from, and when it is fetched.")},
)
st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "icon.svg")

# A visitor who has not signed in sees no data: pages keep their addresses, but none is run.
is_known = ui.visitor() is not None
page = st.navigation(
    [
        st.Page(
            "overview.py",
            title=_("Overview"),
            icon=":material/home:",
            default=True,
            help=_("Is everything fresh, what failed, what comes next."),
        ),
        *(
            st.Page(
                page_of(name),
                title=labels.dataset_title(name),
                icon=f":material/{dataset.icon}:",
                url_path=name,
                help=_(dataset.help),
            )
            for name, dataset in ui.application().datasets.items()
        ),
        st.Page(
            "scheduler.py",
            title=_("Scheduler"),
            icon=":material/schedule:",
            help=_("The simulated clock and its tasks: add one, see when it runs."),
        ),
        st.Page(
            "activity.py",
            title=_("Activity"),
            icon=":material/history:",
            help=_("The journal of runs and callbacks, with what each of them did."),
        ),
        st.Page(
            "explore.py",
            title=_("Explore"),
            icon=":material/query_stats:",
            help=_("Group and chart the rows, or ask in SQL."),
        ),
        st.Page(
            shortcuts.HELP_PAGE,
            title=_("Help"),
            icon=":material/help:",
            help=_("What the words and columns mean, and which keys there are."),
        ),
    ],
    position="sidebar" if is_known else "hidden",
)
if is_known:
    session.note_sign_in()
    with st.sidebar:
        sign_in.show_visitor()
        live_channel.begin(page.url_path)
        shortcuts.listen()
        show_sandbox()
        # Two pages show the alerts in full.
        if page.url_path not in ALERTS_IN_FULL:
            show_health()
    address.arrive(page.url_path)
    page.run()
    ui.show_toasts()
    live_channel.end()
else:
    sign_in.show()
address.write()
