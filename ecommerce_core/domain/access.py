"""Actors and permissions: analysts read, operators change, the scheduler may request a fetch.

Every method of the application that changes something takes the actor and checks the permission
first. Pages hide what an actor may not do, but only for convenience: a click can be forged.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ecommerce_core.domain.errors import NotAllowed

_LONGEST_NAME = 200


class Role(StrEnum):
    """The role of an actor in this application."""

    ANALYST = "analyst"
    OPERATOR = "operator"
    SCHEDULER = "scheduler"
    STRANGER = "stranger"


class Permission(StrEnum):
    """A right that an action needs.

    ``FETCH``: sync the store with its peer; ``EXPLORE``: run SQL queries; ``CHANGE``: all else that
    changes something.

    Reading and exporting need none.
    """

    FETCH = "fetch"
    EXPLORE = "explore"
    CHANGE = "change"


_RIGHTS: Mapping[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset({Permission.EXPLORE}),
    Role.OPERATOR: frozenset(Permission),
    Role.SCHEDULER: frozenset({Permission.FETCH}),
    Role.STRANGER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program that requests something. ``name`` is empty if no sign-in is set up."""

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Return whether the role has this permission."""
        return permission in _RIGHTS[self.role]

    def check(self, permission: Permission) -> None:
        """Raise NotAllowed unless the role has this permission."""
        if self.may(permission):
            return
        if self.role is Role.SCHEDULER:
            raise NotAllowed("only_fetches")
        if self.role is Role.STRANGER or not self.name:
            raise NotAllowed("only_signed_in")
        raise NotAllowed("only_operators", name=self.name)


# A user of this very machine's server if no sign-in is set up.
LOCAL_OPERATOR = Actor("", Role.OPERATOR)
# A visitor who has not signed in.
ANONYMOUS = Actor("", Role.STRANGER)
# The sender of the callbacks.
SCHEDULER = Actor("scheduler", Role.SCHEDULER)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules that give a visitor their role.

    ``providers`` are the sign-in providers; without any, nobody has to sign in. ``operators`` are
    e-mail addresses in lower case; ``operator_claim`` is a claim's name and the value that makes an
    operator; ``agent_role`` is the role of every agent. A sign-in lasts ``lasts_h`` hours, unless
    ``is_ended`` returns True for its claims because the visitor has signed out.
    """

    providers: tuple[str, ...] = ()
    operators: Collection[str] = ()
    operator_claim: tuple[str, str] | None = None
    agent_role: Role = Role.ANALYST
    lasts_h: float = 12.0
    is_ended: Callable[[Mapping[str, object]], bool] = lambda claims: False

    @property
    def must_sign_in(self) -> bool:
        """True if visitors have to sign in."""
        return bool(self.providers)

    def actor(self, claims: Mapping[str, object], *, is_agent: bool = False) -> Actor | None:
        """Return the actor that the claims identify, or None if the visitor must sign in first.

        An agent cannot sign in: it is accepted if trusted headers name it, and has the role that
        all agents have, whoever sent it.
        """
        name = _name(claims)
        if is_agent:
            is_known = bool(name) or not self.must_sign_in
            return Actor(name or "agent", self.agent_role) if is_known else None
        if not self.must_sign_in:
            return LOCAL_OPERATOR
        if claims.get("is_logged_in") is not True or self._is_over(claims):
            return None
        role = Role.OPERATOR if self._is_operator(claims) else Role.ANALYST
        return Actor(name, role)

    def ends_at_s(self, claims: Mapping[str, object]) -> float:
        """Return when a sign-in ends (Unix), or infinity if its start is unknown."""
        # Streamlit's cookie lasts 30 days, and would keep a role that was taken away.
        issued_s = claims.get("iat")
        if not isinstance(issued_s, int | float):
            return math.inf
        return issued_s + self.lasts_h * 3600

    def _is_over(self, claims: Mapping[str, object]) -> bool:
        return self.is_ended(claims) or time.time() > self.ends_at_s(claims)

    def _is_operator(self, claims: Mapping[str, object]) -> bool:
        if _lower(_verified_email(claims) or "") in self.operators:
            return True
        if self.operator_claim is None:
            return False
        claim, wanted = self.operator_claim
        return _holds(_claim(claims, claim), wanted)


def _verified_email(claims: Mapping[str, object]) -> str | None:
    """Return the e-mail address, or None if there is none or it is not verified."""
    email = claims.get("email")
    verified = claims.get("email_verified", True)
    if isinstance(verified, str):
        verified = verified.strip().lower() == "true"
    return email.strip() if isinstance(email, str) and email.strip() and verified is True else None


def _lower(email: str) -> str:
    """Return the address in lower case, unless a letter of it only looks like an ASCII letter."""
    lower = email.lower()  # which turns the Kelvin sign into a k
    return lower if lower.isascii() == email.isascii() else email


def _name(claims: Mapping[str, object]) -> str:
    names = (_verified_email(claims), claims.get("preferred_username"), claims.get("sub"))
    found = next((name for name in names if isinstance(name, str) and name.strip()), "")
    return "".join(sign for sign in found.strip() if sign.isprintable())[:_LONGEST_NAME]


def _claim(claims: Mapping[str, object], name: str) -> object:
    """Return a claim by its name, or by a path with dots into nested claims."""
    if name in claims:
        return claims[name]
    outer, _, rest = name.partition(".")
    inner = claims.get(outer)
    return _claim(inner, rest) if rest and isinstance(inner, Mapping) else None


def _holds(value: object, wanted: str) -> bool:
    """Return whether a claim is the value or a list that contains it."""
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, list | tuple):
        return wanted in [str(one) for one in value]
    return value is not None and str(value) == wanted
