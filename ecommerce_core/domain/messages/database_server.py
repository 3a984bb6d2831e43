"""What a database of a server cannot do, and what a copy from one database to another cannot."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

DATABASE_SERVER = {
    "server_busy": N_("the database is busy ({reason}); nothing was changed, try again"),
    "connections_in_use": N_(
        "the database is busy: all {count} connections of this server are in use; try again"
    ),
    "server_silent": N_(
        "the database server does not answer ({reason}); nothing was changed, try again"
    ),
    "session_lost": N_(
        "the connection to the database was lost, and with it the turn to write; nothing was "
        "changed, try again"
    ),
    "commit_unknown": N_(
        "the connection to the database was lost in a commit, and whether it was stored is not "
        "known ({reason})"
    ),
    "server_rolled_back": N_("the database rolled back what was written; nothing was changed"),
    "server_read_only": N_("the database server takes no writes: it is read-only"),
    "server_damaged": N_("the database is damaged: {reason}"),
    "server_schema_differs": N_("the database is not as this application makes it ({reason})"),
    "server_shape_differs": N_(
        "{path} is not as this application makes it ({verdict}); it was left as it is. Restore "
        "it, or set ECOMMERCE_DATABASE to another database."
    ),
    "server_of_newer_version": N_(
        "{path} was written by a newer version ({newer}); it was left as it is. Update the "
        "application, or set ECOMMERCE_DATABASE to another database."
    ),
    "server_has_foreign_table": N_(
        "{path} has a table {table} of another application; it was left as it is. Set "
        "ECOMMERCE_DATABASE to another database."
    ),
    "server_without_schema": N_(
        "the database has no schema in which this account could make tables"
    ),
    "server_too_old": N_("the database server is PostgreSQL {version}: it takes 15 or newer"),
    "server_encoding": N_(
        "the database's encoding is {encoding}: it takes UTF8 (createdb --encoding=UTF8)"
    ),
    "store_kept_by_server": N_(
        "{path} is kept by a database server: back it up and restore it there, with pg_dump and "
        "pg_restore or with point-in-time recovery"
    ),
    "copy_into_itself": N_("{path} cannot be copied into itself"),
    "copy_onto_rows": N_("{path} is not empty (its table {table} has rows): nothing was copied"),
    "copy_differs": N_(
        "what arrived in the table {table} of {path} is not what was sent: nothing was copied"
    ),
}
