"""The customers dataset: the CRM's records in either revision, and the columns that are kept.

Wire: a bare list of ``{"id", "idClient", "firstName", "lastName", "fidelityPoint", "payment",
"account"}``; a later revision says ``IdClient``, ``Prenom``, ``Nom``, ``Credit``, ``Montant``
(``Paiement`` in files), ``Compte``, adds fields, which are ignored, and may send its numbers as
texts ("420").
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from ecommerce_core.datasets.column import Column, Filter, Kind
from ecommerce_core.datasets.dataset import Body, Dataset, Record
from ecommerce_core.domain import N_, Rejection

Name = Annotated[str, msgspec.Meta(max_length=500)] | msgspec.UnsetType
Identity = (
    Annotated[str, msgspec.Meta(max_length=200)]
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | None
    | msgspec.UnsetType
)
Number = int | float | Annotated[str, msgspec.Meta(max_length=50)] | None | msgspec.UnsetType

# Beyond this a double no longer represents every whole number.
LARGEST_NUMBER = 2.0**53
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the store holds it. Points and payment may be fractions."""

    customer_id: str
    first_name: str
    last_name: str
    loyalty_points: float | None
    payment: float | None
    account: str
    first_seen_at: datetime
    updated_at: datetime
    withdrawn_at: datetime | None


class CustomerRecord(Record, frozen=True, gc=False):
    """A customer as the store keeps it."""

    customer_id: str
    first_name: str
    last_name: str
    loyalty_points: float | None
    payment: float | None
    account: str


class _WireCustomer(msgspec.Struct, frozen=True, gc=False):
    id: Identity = msgspec.UNSET
    idClient: Identity = msgspec.UNSET  # noqa: N815 -- the peer's spelling ends here
    IdClient: Identity = msgspec.UNSET
    firstName: Name = msgspec.UNSET  # noqa: N815
    Prenom: Name = msgspec.UNSET
    lastName: Name = msgspec.UNSET  # noqa: N815
    Nom: Name = msgspec.UNSET
    fidelityPoint: Number = msgspec.UNSET  # noqa: N815
    Credit: Number = msgspec.UNSET
    payment: Number = msgspec.UNSET
    Montant: Number = msgspec.UNSET
    Paiement: Number = msgspec.UNSET
    account: Name | None = msgspec.UNSET
    Compte: Name | None = msgspec.UNSET


_find = msgspec.json.Decoder(msgspec.Raw)
_decode = msgspec.json.Decoder(_WireCustomer)


class CustomerDecoder:
    """Decodes one answer of the CRM: it counts records with equal fields, so it serves only one."""

    def __init__(self) -> None:
        self._twins: Counter[str] = Counter()

    @property
    def is_repeatable(self) -> bool:
        """False once a key has an ordinal, which depends on the records before it."""
        return not self._twins

    def find_list(self, body: Body | memoryview) -> msgspec.Raw:
        """Return the answer itself, a list. Raises msgspec.DecodeError, RecursionError."""
        return _find.decode(body)

    def decode(self, raw: Body | msgspec.Raw) -> CustomerRecord:
        """Decode one customer. Raises msgspec.DecodeError, Rejection, UnicodeDecodeError."""
        wire = _decode.decode(raw)
        first_name = _text("firstName", wire.firstName, wire.Prenom)
        last_name = _text("lastName", wire.lastName, wire.Nom)
        account = _first(wire.account, wire.Compte) or ""
        customer_id = _identity(wire.idClient, wire.IdClient, wire.id)
        points = _number("fidelityPoint", wire.fidelityPoint, wire.Credit)
        payment = _number("payment", wire.payment, wire.Montant, wire.Paiement)
        if customer_id is None:
            customer_id = self._digest(first_name, last_name, account)
        return CustomerRecord(customer_id, first_name, last_name, points, payment, account)

    def key_of(self, fields: dict[str, Any]) -> str | None:
        """Return the identity of a customer that was rejected, or None if it has none."""
        for name in ("idClient", "IdClient", "id"):
            value = fields.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                return str(value)
        return None

    def _digest(self, *identifying: str) -> str:
        text = "\x1f".join(identifying)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        self._twins[digest] += 1
        return f"{digest}-{self._twins[digest]}"


def _first(*spellings: Any) -> Any:
    """Return the value of the first spelling that the peer used, or None if it used none."""
    return next((value for value in spellings if value is not msgspec.UNSET), None)


def _text(name: str, *spellings: str | msgspec.UnsetType) -> str:
    value = _first(*spellings)
    if value is None:
        raise Rejection("missing", field=name)
    return str(value)


def _identity(*spellings: str | int | None | msgspec.UnsetType) -> str | None:
    for value in spellings:
        if value is not msgspec.UNSET and value is not None and value != "":
            return str(value)
    return None


def _number(name: str, *spellings: int | float | str | None | msgspec.UnsetType) -> float | None:
    """Return a number of the wire, or None if the peer has none.

    Raises Rejection if a text is not a plain number, or a number is out of range.
    """
    value = _first(*spellings)
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise Rejection("wrong_text", field=name, value=repr(value[:40]))
        value = float(text)
    # Compared before it is converted, since float() of a huge int raises.
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise Rejection("out_of_range", field=name)
    return float(value)


def _to_wire(row: Customer) -> dict[str, Any]:
    return {
        "idClient": row.customer_id,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "fidelityPoint": row.loyalty_points,
        "payment": row.payment,
        "account": row.account,
    }


CUSTOMERS = Dataset(
    name="customers",
    label=N_("customers"),
    help=N_("The customers and their loyalty points: fetch, search, clear."),
    icon="group",
    peer="crm",
    path_variable="ECOMMERCE_CRM_PATH",
    table="customer",
    columns=(
        Column(
            "customer_id",
            Kind.ID,
            N_("Customer number"),
            N_("The CRM's number, or one that we made of the customer's fields."),
            address="id",
            searched=True,
            width=280,
        ),
        Column(
            "first_name",
            Kind.TEXT,
            N_("First name"),
            N_("As the CRM has it."),
            address="first",
            searched=True,
            width=240,
        ),
        Column(
            "last_name",
            Kind.TEXT,
            N_("Last name"),
            N_("As the CRM has it."),
            address="last",
            searched=True,
            width=240,
        ),
        Column(
            "loyalty_points",
            Kind.NUMBER,
            N_("Loyalty points"),
            N_("The CRM's points; they may be fractions."),
            address="points",
            nullable=True,
            filter=Filter.RANGE,
        ),
        Column(
            "payment",
            Kind.NUMBER,
            N_("Payment"),
            N_("The CRM's amount, whose unit it does not say."),
            nullable=True,
        ),
        Column(
            "account",
            Kind.ID,
            N_("Account"),
            N_("The CRM's account of this customer; empty if there is none."),
            searched=True,
            filter=Filter.PRESENCE,
            width=240,
        ),
    ),
    default_sort="last_name",
    title=("first_name", "last_name"),
    search_help=N_("Name, account or number"),
    layouts=("table", "cards"),
    row_type=Customer,
    list_name=None,
    decoder=CustomerDecoder,
    callback_path="ecommerce/auto_load_customers",
    task_name="get_customers",
    task_app="crm",
    to_wire=_to_wire,
)
