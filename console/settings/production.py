"""Production: everything secret or external comes from the environment, or the start is refused."""
from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from console.settings.base import *  # noqa: F403
from console.settings.base import TRUSTED_PROXIES, env
from console.settings.postgres import pooled
from console.settings.secret import checked_secret_key


def _required(name: str) -> str:
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} must be set in production")
    return value


if env.bool("DEBUG", default=False):
    raise ImproperlyConfigured("DEBUG cannot be on in production")
SECRET_KEY = checked_secret_key(_required("SECRET_KEY"))
SECRET_KEY_FALLBACKS = [
    checked_secret_key(key) for key in env.list("SECRET_KEY_FALLBACKS", default=[])
]
ALLOWED_HOSTS = [host for host in _required("ALLOWED_HOSTS").split(",") if host]
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; * is refused")
REDIS_URL = _required("REDIS_URL")
DATABASES: dict[str, Any] = {
    "default": pooled(env.db_url_config(_required("DATABASE_URL"))) | {"CONN_HEALTH_CHECKS": True}
}
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-gatehouse_session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-gatehouse_csrf"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz/?$"]
# Believed only behind a proxy of ours, which overwrites what a client sent.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
