"""Who asks, and what they may do: analysts read, operators change, the scheduler has us fetch.

Every method of the application that changes something takes the actor and asks here first.
Pages leave away what an actor may not do, and that is for looks: a click can be forged.
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
    """What somebody is to this application."""

    ANALYST = "analyst"
    OPERATOR = "operator"
    SCHEDULER = "scheduler"
    STRANGER = "stranger"


class Permission(StrEnum):
    """What needs a right. ``FETCH``: bring the store in line with its peer; ``EXPLORE``: ask in
    SQL; ``CHANGE``: all else that changes something.

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
    """Somebody who asks for something. ``name`` is empty where nobody had to give one."""

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return permission in _RIGHTS[self.role]

    def check(self, permission: Permission) -> None:
        """Let it pass, or raise NotAllowed with the reason."""
        if self.may(permission):
            return
        if self.role is Role.SCHEDULER:
            raise NotAllowed("only_fetches")
        if self.role is Role.STRANGER or not self.name:
            raise NotAllowed("only_signed_in")
        raise NotAllowed("only_operators", name=self.name)


# Who uses the server of this very machine, where no sign-in is set up.
LOCAL_OPERATOR = Actor("", Role.OPERATOR)
# Who has not said yet who they are.
ANONYMOUS = Actor("", Role.STRANGER)
# Who sends the callbacks.
SCHEDULER = Actor("scheduler", Role.SCHEDULER)


@dataclass(frozen=True, slots=True)
class Access:
    """How a visitor's role is told.

    ``providers`` are where one signs in; without any nobody has to. ``operators`` are e-mail
    addresses in lower case; ``operator_claim`` is a claim's name and the value that makes an
    operator; ``agent_role`` is every agent's. A sign-in lasts ``lasts_h`` hours, unless
    ``is_ended`` says by its claims that its visitor has signed out.
    """

    providers: tuple[str, ...] = ()
    operators: Collection[str] = ()
    operator_claim: tuple[str, str] | None = None
    agent_role: Role = Role.ANALYST
    lasts_h: float = 12.0
    is_ended: Callable[[Mapping[str, object]], bool] = lambda claims: False

    @property
    def must_sign_in(self) -> bool:
        """True where visitors are asked who they are."""
        return bool(self.providers)

    def actor(self, claims: Mapping[str, object], *, is_agent: bool = False) -> Actor | None:
        """Who a visitor is by what is known of them; None where they must sign in first.

        An agent cannot sign in: it is known where trusted headers name it, and has the role
        that all agents have, whoever sent it.
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
        """When a sign-in ends (Unix); infinity if nobody knows when it was."""
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
    """The e-mail address, None where there is none or the provider says it is not verified."""
    email = claims.get("email")
    verified = claims.get("email_verified", True)
    if isinstance(verified, str):
        verified = verified.strip().lower() == "true"
    return email.strip() if isinstance(email, str) and email.strip() and verified is True else None


def _lower(email: str) -> str:
    """An address in lower case; one with a letter that only looks like ASCII's stays what it is."""
    lower = email.lower()  # of which the Kelvin sign is a k
    return lower if lower.isascii() == email.isascii() else email


def _name(claims: Mapping[str, object]) -> str:
    names = (_verified_email(claims), claims.get("preferred_username"), claims.get("sub"))
    found = next((name for name in names if isinstance(name, str) and name.strip()), "")
    return "".join(sign for sign in found.strip() if sign.isprintable())[:_LONGEST_NAME]


def _claim(claims: Mapping[str, object], name: str) -> object:
    """A claim by its name, or by a path with dots into claims that hold others."""
    if name in claims:
        return claims[name]
    outer, _, rest = name.partition(".")
    inner = claims.get(outer)
    return _claim(inner, rest) if rest and isinstance(inner, Mapping) else None


def _holds(value: object, wanted: str) -> bool:
    """Whether a claim is the value, or a list with it."""
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, list | tuple):
        return wanted in [str(one) for one in value]
    return value is not None and str(value) == wanted
