"""The products dataset: catalogue-produit's records, and the columns that are kept.

Wire: ``{"produits": [{"id", "codeProduit", "familleProduit", "descriptionProduit", "quantiteMin",
"packaging", "prix"}, …]}``, ``prix`` in cents; later revisions add fields, which are ignored, and
may leave out ``id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from ecommerce_core.datasets.column import Column, Filter, Kind
from ecommerce_core.datasets.dataset import Body, Dataset, Record
from ecommerce_core.domain import N_

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(max_length=500)]
Text = Annotated[str, msgspec.Meta(max_length=4_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the store holds it."""

    code: str
    family: str
    description: str
    price_cents: int
    min_quantity: int
    packaging: int
    catalogue_min_quantity: int | None
    catalogue_packaging: int | None
    catalogue_id: int | None
    first_seen_at: datetime
    updated_at: datetime
    withdrawn_at: datetime | None


class ProductRecord(Record, frozen=True, gc=False):
    """A product of the wire. The shop's ``min_quantity`` and ``packaging`` are table defaults."""

    code: Code = msgspec.field(name="codeProduit")
    family: Name = msgspec.field(name="familleProduit")
    description: Text = msgspec.field(name="descriptionProduit")
    price_cents: Count = msgspec.field(name="prix")
    catalogue_min_quantity: Count | None = msgspec.field(name="quantiteMin", default=None)
    catalogue_packaging: Count | None = msgspec.field(name="packaging", default=None)
    catalogue_id: Count | None = msgspec.field(name="id", default=None)


class _Answer(msgspec.Struct, gc=False):
    produits: msgspec.Raw


_find = msgspec.json.Decoder(_Answer)
_decode = msgspec.json.Decoder(ProductRecord)


class ProductDecoder:
    """Decodes catalogue-produit's answers."""

    decode = staticmethod(_decode.decode)
    is_repeatable = True

    def find_list(self, body: Body | memoryview) -> msgspec.Raw:
        """Return the products of an answer. Raises msgspec.DecodeError, RecursionError."""
        return _find.decode(body).produits

    def key_of(self, fields: dict[str, Any]) -> str | None:
        """Return the code of a product that was rejected, or None if it has none."""
        code = fields.get("codeProduit")
        return code if isinstance(code, str) else None


def _to_wire(row: Product) -> dict[str, Any]:
    return {
        "id": row.catalogue_id,
        "codeProduit": row.code,
        "familleProduit": row.family,
        "descriptionProduit": row.description,
        "quantiteMin": row.catalogue_min_quantity,
        "packaging": row.catalogue_packaging,
        "prix": row.price_cents,
    }


PRODUCTS = Dataset(
    name="products",
    label=N_("products"),
    help=N_("The products of our shop: fetch, search, clear."),
    icon="inventory_2",
    peer="catalogue-produit",
    path_variable="ECOMMERCE_CATALOGUE_PATH",
    table="product",
    columns=(
        Column(
            "code",
            Kind.ID,
            N_("Code"),
            N_("The catalogue's code, by which we know the product again."),
            searched=True,
            width=200,
        ),
        Column(
            "family",
            Kind.TEXT,
            N_("Family"),
            N_("The catalogue's group of products."),
            filter=Filter.CHOICE,
            width=200,
            on_overview=True,
        ),
        Column(
            "description",
            Kind.TEXT,
            N_("Description"),
            N_("The catalogue's text."),
            searched=True,
            width=480,
        ),
        Column(
            "price_cents",
            Kind.MONEY,
            N_("Price"),
            N_("The catalogue's price in euros."),
            address="price",
            field="price_eur",
            filter=Filter.RANGE,
            width=85,
            on_overview=True,
        ),
        Column(
            "catalogue_min_quantity",
            Kind.NUMBER,
            N_("Catalogue min. qty"),
            N_("The least that the catalogue sells at once; our shop sells by the unit."),
            address="minimum",
            nullable=True,
        ),
        Column(
            "catalogue_packaging",
            Kind.NUMBER,
            N_("Catalogue pack size"),
            N_("How many the catalogue puts into a pack; our shop sells by the unit."),
            address="pack",
            nullable=True,
        ),
        Column(
            "catalogue_id",
            Kind.NUMBER,
            N_("Catalogue ID"),
            N_("The catalogue's number of this entry; it may change."),
            address="number",
            nullable=True,
            grouped=False,
            shown=False,
        ),
    ),
    shop_columns=(
        Column(
            "min_quantity",
            Kind.NUMBER,
            N_("Min. qty"),
            N_("In our shop, goods are sold by the unit."),
            sortable=False,
            shown=False,
        ),
        Column(
            "packaging",
            Kind.NUMBER,
            N_("Packaging"),
            N_("In our shop, goods are sold without packs."),
            sortable=False,
            shown=False,
        ),
    ),
    default_sort="code",
    title=("description",),
    search_help=N_("Code or description"),
    row_type=Product,
    list_name="produits",
    decoder=ProductDecoder,
    callback_path="ecommerce/add-auto",
    task_name="get_products",
    task_app="products",
    to_wire=_to_wire,
)
