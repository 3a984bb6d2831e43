"""The routes that answer an SQL query with a file: ``explore.csv?sql=…`` and the others."""

from ecommerce_core.companion.data_routes.explore.answering import ExploreRoutes
from ecommerce_core.companion.data_routes.explore.asking import ExploreRoute, list_explore_routes
from ecommerce_core.companion.data_routes.explore.describing import describe_explore

__all__ = ["ExploreRoute", "ExploreRoutes", "describe_explore", "list_explore_routes"]
