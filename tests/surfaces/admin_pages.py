"""The admin's pages, as a test opens them and acts on them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.test import Client

HOSTILE = '<script>alert("1")</script>\N{LINE SEPARATOR}'


def url(model: type[models.Model], page: str = "") -> str:
    return f"/admin/django_hellotext/{model._meta.model_name}/{page}"


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def act(
    client: Client, model: type[models.Model], action: str, *rows: Any, across: bool = False, **answers: Any
) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], "select_across": int(across)}
    response = client.post(url(model), {**data, "confirmed": "1", **answers}, follow=True)
    assert response.status_code == 200
    return " ".join(str(message) for message in response.context["messages"])
