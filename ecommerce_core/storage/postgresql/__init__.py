"""PostgreSQL: its connections and locks, its migrations, and its SQL dialect.

``engine`` is the store's engine; ``sessions`` hold locks, ``listener`` receives the messages of
other servers.
"""

from ecommerce_core.storage.postgresql.dialect import kept_by_server
from ecommerce_core.storage.postgresql.engine import PostgresqlEngine
from ecommerce_core.storage.postgresql.examination import Finding, examine_server

__all__ = ["Finding", "PostgresqlEngine", "examine_server", "kept_by_server"]
