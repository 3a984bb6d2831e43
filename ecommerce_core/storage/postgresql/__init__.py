"""PostgreSQL: its connections and locks, its migrations, and what it says in another way.

``engine`` is the store's engine; ``sessions`` hold locks, ``listener`` hears other servers.
"""

from ecommerce_core.storage.postgresql.engine import PostgresqlEngine

__all__ = ["PostgresqlEngine"]
