"""The routes that answer with rows: CSV, Excel, JSON, Parquet, and the peer's own JSON.

``request.py`` parses the request, ``making.py`` makes the file, ``stream.py`` sends it;
``routes.py`` connects them, and ``describe.py`` describes them. ``links.py`` makes the links that
pages offer. ``explore`` has the routes that answer an SQL query.
"""

from ecommerce_core.companion.data_routes.addresses import MIME_TYPES, DataRoute, list_routes
from ecommerce_core.companion.data_routes.authorization import authorize
from ecommerce_core.companion.data_routes.describe import describe_rows, schemas_of_rows
from ecommerce_core.companion.data_routes.explore import (
    ExploreRoute,
    describe_explore,
    list_explore_routes,
)
from ecommerce_core.companion.data_routes.links import ask_changes, ask_rows, link_to, link_to_sql
from ecommerce_core.companion.data_routes.request import pairs_of
from ecommerce_core.companion.data_routes.routes import DataRoutes
from ecommerce_core.companion.data_routes.stream import FileReply

__all__ = [
    "MIME_TYPES",
    "DataRoute",
    "DataRoutes",
    "ExploreRoute",
    "FileReply",
    "ask_changes",
    "ask_rows",
    "authorize",
    "describe_explore",
    "describe_rows",
    "link_to",
    "link_to_sql",
    "list_explore_routes",
    "list_routes",
    "pairs_of",
    "schemas_of_rows",
]
