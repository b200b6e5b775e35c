"""Payment: what the provider reports, and a pretend provider for trying the shop by hand."""

from __future__ import annotations

import secrets

import requests
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bookshop import payments
from bookshop.models import InvalidMove, Order
from bookshop.purchases import confirm_payment

WEBHOOK_TIMEOUT_SECONDS = 10.0


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take the provider's word that an order is paid, when it is signed. There are no cookies, and no customer."""
    if int(request.headers.get("Content-Length") or 0) > payments.MOST_BYTES:
        return JsonResponse({"error": "too long"}, status=413)
    signature = request.headers.get(payments.SIGNATURE_HEADER, "")
    if not payments.is_signed(request.body, signature=signature):
        return JsonResponse({"error": "the signature is not ours"}, status=403)
    try:
        notification = payments.read_notification(request.body)
        order = confirm_payment(notification.order, reference=notification.reference, paid_at=notification.paid_at)
    except payments.InvalidNotification as error:
        return JsonResponse({"error": str(error)}, status=400)
    except Order.DoesNotExist:
        return JsonResponse({"error": "there is no such order"}, status=404)
    except InvalidMove as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({"order": order.number, "status": order.status})


@require_POST
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Play the payment provider: report the payment of an order to the webhook, as a provider's server would."""
    order = get_object_or_404(Order, token=token)
    notification = payments.Notification(
        order=order.number, reference=f"pay_{secrets.token_hex(8)}", paid_at=timezone.now()
    )
    body = notification.body()
    # The webhook is this very server: no proxy of the environment is asked.
    provider = requests.Session()
    provider.trust_env = False
    answer = provider.post(
        request.build_absolute_uri(reverse("payment_webhook")),
        data=body,
        headers={"Content-Type": "application/json", payments.SIGNATURE_HEADER: payments.signature_of(body)},
        timeout=WEBHOOK_TIMEOUT_SECONDS,
    )
    if answer.ok:
        messages.success(request, "Thank you, your payment has arrived.")
    else:
        messages.error(request, "The payment was not accepted.")
    return redirect(order)
