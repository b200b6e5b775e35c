"""The API client as the settings describe it."""

from __future__ import annotations

import logging

from django.utils.module_loading import import_string

from ..api import HellotextClient
from ..conf import hellotext_settings


def client_from_settings() -> HellotextClient:
    """A client for the configured account. Raises ``ConfigurationError`` for a carrier that cannot be built."""
    backend = import_string(hellotext_settings.backend_path)(**hellotext_settings.BACKEND_OPTIONS)
    return HellotextClient(
        token=hellotext_settings.API_TOKEN,
        base_url=hellotext_settings.BASE_URL,
        backend=backend,
        timeout=(hellotext_settings.CONNECT_TIMEOUT, hellotext_settings.READ_TIMEOUT),
        deadline=hellotext_settings.DEADLINE,
        allow_http=hellotext_settings.ALLOW_HTTP,
        # What comes of it is said once, for the row or for the account: an outage is one warning (demand C12).
        failure_level=logging.INFO,
    )
