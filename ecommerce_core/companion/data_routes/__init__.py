"""The routes that answer with rows: CSV, Excel, JSON, Parquet, and the peer's own JSON.

``request.py`` reads what is asked, ``making.py`` makes the file, ``stream.py`` sends it;
``routes.py`` puts them together, and ``describe.py`` describes them. ``links.py`` makes the
links that pages offer.
"""

from ecommerce_core.companion.data_routes.addresses import DataRoute, list_routes
from ecommerce_core.companion.data_routes.describe import describe_rows, schemas_of_rows
from ecommerce_core.companion.data_routes.links import ask_changes, ask_rows, link_to
from ecommerce_core.companion.data_routes.routes import DataRoutes
from ecommerce_core.companion.data_routes.stream import FileReply

__all__ = [
    "DataRoute",
    "DataRoutes",
    "FileReply",
    "ask_changes",
    "ask_rows",
    "describe_rows",
    "link_to",
    "list_routes",
    "schemas_of_rows",
]
