"""Settings of the example shop. What differs between machines is read from the environment.

These settings are for a shop on your own machine: the debug mode is on, the secrets are no secrets, and only
loopback addresses are answered.
"""

from __future__ import annotations

import os
from pathlib import Path

from config.databases import database_from

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    """Return a variable of the environment; an empty one counts as not set."""
    return os.environ.get(name) or default


# What the shop writes: its database, and the logs of the demo.
VAR_DIR = Path(env("SHOP_VAR", str(BASE_DIR / "var")))


DEBUG = env("DEBUG", "1") == "1"
SECRET_KEY = env("SECRET_KEY", "example-shop-on-loopback-only")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_hellotext",
    "bookshop",
    "config",  # for config/hellotext.py
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django_hellotext.middleware.HellotextMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "bookshop.context_processors.shop",
            ],
        },
    },
]

DATABASES = {"default": database_from(env("DATABASE_URL"), default_file=VAR_DIR / "shop.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Tests set a fast one; Django's own are slow on purpose.
if env("PASSWORD_HASHER"):
    PASSWORD_HASHERS = [env("PASSWORD_HASHER")]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"

# The payment provider signs what it reports with this secret (see bookshop/payments.py).
PAYMENT_WEBHOOK_SECRET = env("PAYMENT_WEBHOOK_SECRET", "payment-secret-on-loopback-only")

# The defaults are those of the emulated Hellotext on this machine (python -m django_hellotext.emulator).
HELLOTEXT = {
    "BUSINESS_ID": env("HELLOTEXT_BUSINESS_ID", "demo-business"),
    "API_TOKEN": env("HELLOTEXT_API_TOKEN", "demo-token"),
    "ENVIRONMENT": env("HELLOTEXT_ENVIRONMENT", "demo"),
    "BASE_URL": env("HELLOTEXT_BASE_URL", "http://127.0.0.1:4010"),
    "SITE_URL": env("SITE_URL", "http://localhost:8000"),
    "SOURCE": "bookshop",
    "CURRENCY": "EUR",
    "CONSENT": "bookshop.cookies.consent",
    "CART_ABANDONED_AFTER": int(env("CART_ABANDONED_AFTER", "1800")),  # seconds
    # What is defined at Hellotext by manage.py hellotext_sync.
    "PROPERTIES": {"Favourite category": "text"},
    "LISTS": ["Book club"],
    "ACTIONS": {"book_club.joined": "Joined the book club"},
}
if env("HELLOTEXT_JS_URL"):
    HELLOTEXT["JS_URL"] = env("HELLOTEXT_JS_URL")
