"""Products: what our shop holds of the catalogue."""

from pages.dataset import dataset_page
from pages.dataset.rows import row_list
from pages.ui import text as _
from pages.ui.table import Column

dataset_page.show(
    "products",
    title=_("Products"),
    search_help=_("Code or description"),
    show_rows=row_list.columns_table(
        "products",
        [
            Column("code", width=80),
            Column("family", width=130),
            Column("description", width=300),
            Column("price_cents", "money", width=85),
            Column(
                "min_quantity",
                "number",
                width=75,
                label=_("Min. qty"),
                help=_("In our shop, goods are sold by the unit."),
            ),
            Column("packaging", "number", width=85),
            Column("catalogue_min_quantity", "number", width=105),
            Column("catalogue_packaging", "number", width=110),
            Column("updated_at", "moment", width=165),
            Column("withdrawn_at", "moment", width=165),
        ],
        _("Products"),
    ),
)
