"""What gunicorn and uWSGI serve.

It is used once before the server forks, as a project does that warms its caches.
"""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application
from django.db import connections, transaction

application = get_wsgi_application()

from .site import record

with transaction.atomic():
    record("warm", 1)
connections.close_all()
