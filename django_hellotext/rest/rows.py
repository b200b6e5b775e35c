"""``events/`` and ``objects/``: the rows with their state and reason, for a shop's own back office."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.db import models
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from .. import dispatch
from ..intake.ledger import alias_for
from ..models import Event, RemoteObject
from ..models.deliverable import Deliverable, DeliverableQuerySet
from .access import VIEW_PERSONAL_DATA, is_staff, kinds_for, may_see_event
from .choices import Choices, EventChoices, ObjectChoices
from .endpoint import Endpoint
from .shown import HellotextEventSerializer, HellotextObjectSerializer

R = TypeVar("R", bound=models.Model)

LARGEST_ID = 2**63 - 1


class Newest(CursorPagination):
    """Newest first, from any row on: no OFFSET and no COUNT, so the last page costs what the first one does."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The place in the list. Raises ``NotFound`` (404) for one that this list has never named."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        position = str(cursor.position)
        if not (position.isascii() and position.isdigit() and len(position) < 20 and int(position) <= LARGEST_ID):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class MaySeeRows(BasePermission):
    """Staff, with the rights that the admin asks for too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether any row can be seen; which ones, the query says."""
        return is_staff(request.user) and bool(view.may_see(request.user))


class MayRetry(BasePermission):
    """Sending again is a change of the row's state."""

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """Whether this row may be sent again."""
        return bool(request.user.has_perm(f"django_hellotext.change_{_model_name(obj)}"))


class RowViewSet(Endpoint, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[R], Generic[R]):
    """Rows of one table; nothing here edits one but ``retry``."""

    permission_classes = [MaySeeRows]
    pagination_class = Newest
    filter_backends = []
    lookup_value_regex = "[0-9]{1,18}"
    choices_class: type[Choices]

    def may_see(self, user: Any) -> bool:
        """Whether ``user`` sees any row at all."""
        raise NotImplementedError

    def rows(self, using: str) -> DeliverableQuerySet:
        """The rows that the request's user may see."""
        raise NotImplementedError

    def get_queryset(self) -> Any:
        """The rows of the chosen database; a list is narrowed by its parameters. An unknown one is a 400."""
        choices = self.choices_class(data=self.request.query_params.dict(), whole=self.action == "list")
        choices.is_valid(raise_exception=True)
        rows = self.rows(choices.validated_data.get("database") or alias_for(None))
        return choices.narrow(rows) if self.action == "list" else rows

    def get_serializer_context(self) -> dict[str, Any]:
        """Whether personal data is shown."""
        shown = self.request.user.has_perm(VIEW_PERSONAL_DATA)
        return {**super().get_serializer_context(), "personal_data": shown}

    @action(detail=True, methods=["post"], permission_classes=[MaySeeRows, MayRetry])
    def retry(self, request: Request, **kwargs: Any) -> Response:
        """Send a refused or skipped row again; any other is left alone. Answers with the row either way (J3)."""
        row = self.get_object()
        rows = self.get_queryset().filter(pk=row.pk)
        if rows.requeue():
            dispatch.wake(rows.db)
        return Response(self.get_serializer(rows.get()).data)


class EventViewSet(RowViewSet[Event]):
    """What happened in the shop, and whether Hellotext knows."""

    serializer_class = HellotextEventSerializer
    choices_class = EventChoices

    def may_see(self, user: Any) -> bool:
        """Whether ``user`` may see events."""
        return may_see_event(user)

    def rows(self, using: str) -> DeliverableQuerySet:
        """All events."""
        return Event.objects.using(using)


class ObjectViewSet(RowViewSet[RemoteObject]):
    """What Hellotext knows of the shop's objects, of the kinds that the user may see."""

    serializer_class = HellotextObjectSerializer
    choices_class = ObjectChoices

    def may_see(self, user: Any) -> bool:
        """Whether ``user`` may see any kind."""
        return bool(kinds_for(user, "view"))

    def rows(self, using: str) -> DeliverableQuerySet:
        """The objects of the permitted kinds."""
        rows: DeliverableQuerySet = RemoteObject.objects.using(using)
        return rows.filter(kind__in=kinds_for(self.request.user, "view"))


def _model_name(row: Deliverable) -> str:
    """The model whose permissions count: an object has those of its kind."""
    if isinstance(row, RemoteObject):
        return str(row.kind).replace("_", "")
    return str(row._meta.model_name)
