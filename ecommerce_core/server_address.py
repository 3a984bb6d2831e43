"""A page knows where its server is: what Streamlit's browser side would otherwise find out.

It asks for ``/ecommerce/products/_stcore/health`` first, gets 404, pauses and asks one step up,
then for what may embed the page, and connects only then. Told the address in ``index.html``, as
its hosts do (``window.__streamlit``, streamlit/streamlit#11537), it connects at once. Where a
proxy serves the application under another path it finds out for itself, as before.

Who has signed in and begins a new session of the browser lacks the cookie without which
Streamlit does not believe the sign-in: there it asks first, since an answer brings the cookie.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecommerce_core.prefix import PREFIX
from ecommerce_core.replies import header

_HEAD = b"<head>"
# What else is served, files and answers, has a dot in its name or is deeper down.
_PAGE_PATH = re.compile(rf"{PREFIX}(/[^/.]*)?/?")
_SCRIPT = f"""
    <script>
      {{
        const prefix = "{PREFIX}", origin = window.location.origin;
        if (`${{window.location.pathname}}/`.startsWith(`${{prefix}}/`))
          window.__streamlit = {{
            BACKEND_BASE_URL: origin + prefix,
            MAIN_PAGE_BASE_URL: origin + prefix,
            ...(/(^|; )_streamlit_xsrf=/.test(document.cookie) && {{
              HOST_CONFIG: {{ allowedOrigins: [origin], useExternalAuthToken: false }},
            }}),
          }};
      }}
    </script>""".encode()
# An answer in pieces, or to somebody who has the page already, could not be added to.
_ASKS_FOR_LESS = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
_OF_THE_FILE = {b"content-length", b"etag", b"last-modified", b"accept-ranges"}


class ServerAddress:
    """ASGI middleware around what answers pages; whatever is no page goes through as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and tell a page its address."""
        if not _asks_for_page(scope):
            await self._app(scope, receive, send)
            return
        asked = [each for each in scope["headers"] if each[0] not in _ASKS_FOR_LESS]
        start: Message | None = None
        body = b""

        async def send_told(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None or message["type"] != "http.response.body":
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    told = body.replace(_HEAD, _HEAD + _SCRIPT, 1)
                    kept = [each for each in start["headers"] if each[0] not in _OF_THE_FILE]
                    size = (b"content-length", str(len(told)).encode())
                    await send({**start, "headers": [*kept, size]})
                    await send({"type": "http.response.body", "body": told})

        await self._app({**scope, "headers": asked}, receive, send_told)


def _asks_for_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    if not _PAGE_PATH.fullmatch(scope["path"]):
        return False
    return "text/html" in (header(scope["headers"], b"accept") or "")


def _is_page(answer: Message) -> bool:
    said = header(answer["headers"], b"content-type") or ""
    return answer["status"] == 200 and said.startswith("text/html")
