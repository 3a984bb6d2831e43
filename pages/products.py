"""Products: what our shop holds of the catalogue."""

from ecommerce_core.ui import Column, language
from pages import dataset_page, row_list

_ = language().text

dataset_page.show(
    "products",
    title=_("Products"),
    search_help=_("Code or description"),
    sorts=["code", "family", "description", "price_cents", "updated_at"],
    filter_by="family",
    show_rows=row_list.columns_table(
        "products",
        [
            Column("code", width=85),
            Column("family", width=125),
            Column("description", width=325),
            Column("price_cents", "money", width=95),
            Column(
                "min_quantity",
                "number",
                width=90,
                help=_("In our shop, goods are sold by the unit."),
            ),
            Column("packaging", "number", width=85),
            Column("withdrawn_at", "moment", width=170),
            Column("updated_at", "moment", width=160),
            Column("catalogue_min_quantity", "number", width=110),
            Column("catalogue_packaging", "number", width=110),
        ],
        _("Products"),
    ),
)
