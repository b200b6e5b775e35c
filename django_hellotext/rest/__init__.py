"""HTTP endpoints for single-page shops, monitoring and back offices. Needs the extra ``rest``.

``path("hellotext/", include("django_hellotext.rest.urls"))``; nothing else of the package imports Django REST
framework. The endpoints speak JSON only, so that ``rest_framework`` need not be among the installed apps.
"""

from __future__ import annotations
