"""Views that people keep: who may see, save, rename and delete which."""

from __future__ import annotations

from ecommerce_core.domain import (
    FOR_ALL,
    QUERY_CHARS,
    Actor,
    AuditAction,
    Permission,
    SavedView,
    ViewError,
    clean_name,
)
from ecommerce_core.storage.audit_log import AuditLog
from ecommerce_core.storage.store import Store


class SavedViews:
    """The saved views of all datasets. Everything raises StoreError.

    A person's own are seen by that person alone; operators keep those for all. Where nobody signs
    in, all are for all.
    """

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def list_for(self, dataset: str, *, actor: Actor) -> list[SavedView]:
        """Return the views that a person sees: those for all, and their own."""
        return self._store.list_views(dataset, {FOR_ALL, actor.name})

    def save(
        self, dataset: str, name: str, query: str, *, actor: Actor, is_for_all: bool
    ) -> SavedView:
        """Keep a query string under a name. Raises NotAllowed, ViewError."""
        owner = FOR_ALL if is_for_all else actor.name
        self._check(owner, actor)
        if len(query) > QUERY_CHARS:
            raise ViewError("view_too_long", count=QUERY_CHARS)
        view = self._store.insert_view(
            dataset=dataset, owner=owner, name=clean_name(name), query=query
        )
        self._note(AuditAction.VIEW_SAVED, view, actor)
        return view

    def rename(self, view_id: int, name: str, *, actor: Actor) -> None:
        """Give a view another name. Raises NotAllowed, ViewError."""
        self._find(view_id, actor)
        before = self._store.rename_view(view_id, clean_name(name))
        self._note(AuditAction.VIEW_RENAMED, before, actor)

    def delete(self, view_id: int, *, actor: Actor) -> None:
        """Delete a view. Raises NotAllowed, ViewError if it is gone already."""
        view = self._find(view_id, actor)
        self._store.delete_view(view_id)
        self._note(AuditAction.VIEW_DELETED, view, actor)

    def may_change(self, view: SavedView, *, actor: Actor) -> bool:
        """Return whether a person may rename and delete a view."""
        if view.is_for_all:
            return actor.may(Permission.CHANGE)
        return view.owner == actor.name and actor.may(Permission.EXPLORE)

    def _find(self, view_id: int, actor: Actor) -> SavedView:
        view = self._store.find_view(view_id)
        # Another person's view is none that this one knows of.
        if view is None or view.owner not in {FOR_ALL, actor.name}:
            raise ViewError("view_unknown")
        self._check(view.owner, actor)
        return view

    def _check(self, owner: str, actor: Actor) -> None:
        """Raise NotAllowed unless the person may change what this owner has."""
        actor.check(Permission.CHANGE if owner == FOR_ALL else Permission.EXPLORE)

    def _note(self, action: AuditAction, view: SavedView, actor: Actor) -> None:
        """Write a change of what all see into the audit."""
        if view.is_for_all:
            self._audit.record(action, by=actor, subject=view.dataset, view=view.id)
