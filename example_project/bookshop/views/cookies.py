"""The banner: yes or no, and a change of mind."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from bookshop.cookies import COOKIE, DAYS, NO, OF_HELLOTEXT, YES


@require_POST
def answer(request: HttpRequest) -> HttpResponse:
    """Remember the answer, and go back to where it was given. It works without a script."""
    said = request.POST.get("answer")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = redirect(back)
    if said not in (YES, NO):
        return response
    response.set_cookie(COOKIE, said, max_age=DAYS * 24 * 3600, samesite="Lax", secure=request.is_secure())
    if said == NO:
        for name in OF_HELLOTEXT:
            response.delete_cookie(name)
            response.delete_cookie(name, domain=request.get_host().partition(":")[0])
    return response
