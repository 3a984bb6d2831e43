"""A small OpenID provider on a port of its own: discovery, authorization with PKCE, token, keys.

It is strict where the protocol is: an unknown client, another redirect, a code used twice or a
verifier that does not fit is refused. The user chooses an identity, or refuses.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.companion_server import Served
from tests.support.running import Running

CLIENT_ID, CLIENT_SECRET = "dashboard", secrets.token_urlsafe(24)
COOKIE_SECRET = secrets.token_urlsafe(48)
LASTS_S = 600


@dataclass(frozen=True)
class Grant:
    """The details of a code until it is exchanged."""

    person: str
    nonce: str
    redirect_uri: str
    challenge: str


@dataclass
class Provider(Running):
    """Use it as a context manager. ``people`` are the claims of those who may sign in, by ``sub``.

    ``redirect_uri`` is the only one that is known. With ``forges`` the tokens are signed with an
    unpublished key; ``seen`` lists the requested paths.
    """

    people: Mapping[str, Mapping[str, Any]]
    redirect_uri: str = ""
    forges: bool = False
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self._grants: dict[str, Grant] = {}
        self._tokens: dict[str, str] = {}
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/authorize", self._authorize),
            Route("/decide", self._decide),
            Route("/token", self._token, methods=["POST"]),
            Route("/jwks", self._jwks),
            Route("/userinfo", self._userinfo),
            Route("/logout", self._logout),
            Route("/favicon.ico", lambda request: Response(status_code=204)),
        ]
        self._served = Served(Starlette(routes=routes))

    @property
    def url(self) -> str:
        # Another site than the dashboard's 127.0.0.1, so that its redirects are cross-site ones.
        return f"http://localhost:{self._served.port}"

    def start(self) -> None:
        self._served.start()

    def close(self) -> None:
        self._served.close()

    def write_secrets(self, folder: Path, *, server_url: str) -> Path:
        """Write the secrets.toml of a dashboard at ``server_url`` that signs in here."""
        self.redirect_uri = f"{server_url}/ecommerce/oauth2callback"
        file = folder / "secrets.toml"
        file.write_text(
            "[auth]\n"
            f'redirect_uri = "{self.redirect_uri}"\n'
            f'cookie_secret = "{COOKIE_SECRET}"\n'
            f'client_id = "{CLIENT_ID}"\n'
            f'client_secret = "{CLIENT_SECRET}"\n'
            f'server_metadata_url = "{self.url}/.well-known/openid-configuration"\n',
            encoding="utf-8",
        )
        return file

    async def _discovery(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "end_session_endpoint": f"{self.url}/logout",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        asked = request.query_params
        wanted = {
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        if wrong or "openid" not in asked.get("scope", "").split() or not asked.get("state"):
            return Response(f"not as agreed: {wrong}", 400)
        links = [
            f'<li><a id="{html.escape(person)}" href="/decide?'
            f'{html.escape(urlencode({**asked, "person": person}))}">{html.escape(person)}</a>'
            for person in [*self.people, "refuse"]
        ]
        return HTMLResponse(f"<!doctype html><title>Provider</title><ul>{''.join(links)}</ul>")

    async def _decide(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        asked, state = request.query_params, request.query_params["state"]
        if asked["person"] not in self.people:
            return self._back({"error": "access_denied", "state": state})
        code = secrets.token_urlsafe(24)
        self._grants[code] = Grant(
            asked["person"], asked.get("nonce", ""), asked["redirect_uri"], asked["code_challenge"]
        )
        return self._back({"code": code, "state": state})

    def _back(self, answer: Mapping[str, str]) -> Response:
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        form = await request.form()
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        client = base64.b64decode(credentials).decode() if kind.lower() == "basic" else ""
        if [unquote(part) for part in client.split(":")] != [CLIENT_ID, CLIENT_SECRET]:
            return JSONResponse({"error": "invalid_client"}, 401)
        grant = self._grants.pop(str(form.get("code")), None)  # only once
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != grant.redirect_uri
            or challenge != grant.challenge
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(24)
        self._tokens[access_token] = grant.person
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": grant.person,
            "iat": now,
            "exp": now + LASTS_S,
            "nonce": grant.nonce,
            **self.people[grant.person],
        }
        key = RSAKey.generate_key(2048, {"kid": "1"}) if self.forges else self._key
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": LASTS_S,
                "id_token": jwt.encode({"alg": "RS256", "kid": "1"}, claims, key),
            }
        )

    async def _jwks(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _userinfo(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        person = self._tokens.get(token)
        if person is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"sub": person, **self.people[person]})

    async def _logout(self, request: Request) -> Response:
        self.seen.append(request.url.path)
        if request.query_params.get("post_logout_redirect_uri") != self.redirect_uri:
            return Response("not as agreed", 400)
        return RedirectResponse(self.redirect_uri, 302)
