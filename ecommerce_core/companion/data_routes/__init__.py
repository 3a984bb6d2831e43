"""The routes that answer with rows: CSV, Excel, JSON, Parquet, and the peer's own JSON.

``request.py`` reads what is asked, ``making.py`` makes the file, ``stream.py`` sends it;
``routes.py`` puts them together, and ``describe.py`` describes them. ``links.py`` makes the
links that pages offer. ``explore`` has the routes that answer a question in SQL.
"""

from ecommerce_core.companion.data_routes.addresses import DataRoute, list_routes
from ecommerce_core.companion.data_routes.describe import describe_rows, schemas_of_rows
from ecommerce_core.companion.data_routes.explore import (
    ExploreRoute,
    describe_explore,
    list_explore_routes,
)
from ecommerce_core.companion.data_routes.links import ask_changes, ask_rows, link_to, link_to_sql
from ecommerce_core.companion.data_routes.routes import DataRoutes
from ecommerce_core.companion.data_routes.stream import FileReply

__all__ = [
    "DataRoute",
    "DataRoutes",
    "ExploreRoute",
    "FileReply",
    "ask_changes",
    "ask_rows",
    "describe_explore",
    "describe_rows",
    "link_to",
    "link_to_sql",
    "list_explore_routes",
    "list_routes",
    "schemas_of_rows",
]
