"""Times in responses."""

from __future__ import annotations

from datetime import tzinfo

from django.utils import timezone
from rest_framework import serializers


class HellotextDateTimeField(serializers.DateTimeField):
    """A time with its offset, in the current time zone; under ``USE_TZ=False`` the base class gives no offset."""

    def default_timezone(self) -> tzinfo:
        """Return the time zone of what is shown."""
        return timezone.get_current_timezone()
