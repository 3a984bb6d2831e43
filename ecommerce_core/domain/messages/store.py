"""Errors of the database, its backups and the snapshots of its rows."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

STORE = {
    "store_busy": N_(
        "the database is busy: another process has held it for more than {seconds:g} s; "
        "nothing was changed, try again"
    ),
    "store_writing": N_(
        "the database is busy: another write has taken more than {seconds:g} s; nothing was "
        "changed, try again"
    ),
    "disk_full": N_("the disk is full: nothing was changed; free up disk space and try again"),
    "store_not_sound": N_(
        "{path} is no sound SQLite database; it was left as it is. Restore a backup, or set "
        "ECOMMERCE_DATABASE to another file."
    ),
    "store_fails_check": N_(
        "{path} fails SQLite's check ({verdict}); it was left as it is. Restore a backup, "
        "or set ECOMMERCE_DATABASE to another file."
    ),
    "store_unreadable_values": N_(
        "{path} holds what cannot be read back ({verdict}); it was left as it is. Restore a "
        "backup, or set ECOMMERCE_DATABASE to another file."
    ),
    "store_shape_differs": N_(
        "{path} is not as this application makes it ({verdict}); it was left as it is. "
        "Restore a backup, or set ECOMMERCE_DATABASE to another file."
    ),
    "store_shape_has_more": N_(
        "{path} has more in it than this application makes ({verdict}); it was left as it "
        "is. Stop the application and run this in SQLite, which changes no row: {sql}"
    ),
    "store_names_another_file": N_(
        "{path} names another file, which SQLite would delete: it is not ours. It was left "
        "as it is; take it away, or restore a backup."
    ),
    "store_of_newer_version": N_(
        "{path} was written by a newer version ({newer}); it was left as it is. Update the "
        "application, or set ECOMMERCE_DATABASE to another file."
    ),
    "store_of_another_application": N_(
        "{path} is a database of another application; it was left as it is. Set "
        "ECOMMERCE_DATABASE to another file."
    ),
    "store_without_data": N_("{path} holds no data of this application"),
    "store_has_another_name": N_(
        "{path} has another name, by a hard link: whoever uses that one has other locks, "
        "and both would write at once. Remove one of the names, or make it a copy; nothing "
        "was changed."
    ),
    "store_not_accessible": N_(
        "{path} cannot be read or written to ({reason}); nothing was changed"
    ),
    "store_failed": N_("the database answered: {reason}; nothing was changed"),
    "file_unusable": N_("{path} cannot be used: {reason}"),
    "store_in_use": N_(
        "{path} is in use by a server or a command: stop it first; nothing was changed"
    ),
    "store_being_restored": N_("{path} is being restored at this moment; try again"),
    "backup_beside_database": N_(
        "{path} belongs to the database: choose another place for the backup"
    ),
    "backup_is_database": N_("{path} is the database itself: choose another place for the backup"),
    "backup_there_already": N_("{path} already exists: nothing was written"),
    "backup_no_regular_file": N_(
        "{path} is not a regular file, and only those are replaced: nothing was written"
    ),
    "backup_without_room": N_("{folder} has no room for the backup: nothing was left there"),
    "backup_not_written": N_("the backup cannot be written to {path}: {reason}"),
    "restore_of_no_file": N_("{path} is no file that could be restored"),
    "restore_of_itself": N_("{path} is the database itself"),
    "restore_failed": N_("{path} cannot be restored: {reason}; nothing was changed"),
    "restore_not_sound": N_(
        "{path} is no sound database of this application ({verdict}): nothing was restored, "
        "nothing was changed"
    ),
    "restore_of_another": N_(
        "{path} is not of this application, or of a newer version of it: nothing was "
        "restored, nothing was changed"
    ),
    "restore_with_journal": N_(
        "{path} lies beside what is to be restored, and a backup has none: it may be a copy "
        "of a database in use, or name a file that SQLite would delete. Nothing was "
        "restored, nothing was changed."
    ),
    "rows_preparing": N_("the rows are being prepared and will appear in a moment"),
    "rows_unreadable": N_("the rows could not be read: {reason}"),
    "rows_without_disk": N_("the disk is full: there is no room to answer this question"),
    "rows_without_memory": N_(
        "this question needs more memory than ECOMMERCE_READER_MEMORY_MB allows"
    ),
    "snapshot_failed": N_("the rows are stored, but pages still show the previous ones: {reason}"),
    "snapshot_without_room": N_(
        "the disk is full: the rows are stored, but pages still show the previous ones"
    ),
    "snapshot_outdated": N_("the rows of {dataset} changed meanwhile"),
    "snapshot_stopped": N_("the application is shutting down: pages still show the previous rows"),
    "changes_removed": N_(
        "what run {run_id} and those before it changed is not kept any more: compare later runs"
    ),
}
