"""PostgreSQL: its connections and locks, its migrations, and what it says in another way.

``engine`` is the store's engine; ``sessions`` hold locks, ``listener`` hears other servers.
"""

from ecommerce_core.storage.postgresql.dialect import kept_by_server
from ecommerce_core.storage.postgresql.engine import PostgresqlEngine
from ecommerce_core.storage.postgresql.examination import Finding, examine_server

__all__ = ["Finding", "PostgresqlEngine", "examine_server", "kept_by_server"]
