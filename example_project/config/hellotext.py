"""What Hellotext learns of the users, who belong to no single app of the project."""

from __future__ import annotations

from bookshop.readers import CustomerAdapter
from django.contrib.auth.models import User

from django_hellotext import adapters

adapters.register(User)(CustomerAdapter)
