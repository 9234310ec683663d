"""One machine, nothing to install: SQLite in the state folder, a secret key made on first start."""
from __future__ import annotations

from console.settings.base import *  # noqa: F403
from console.settings.base import STATE_DIR, TEMPLATES, env
from console.settings.postgres import pooled
from console.settings.secret import load_or_make_secret_key
from console.settings.sqlite import sqlite_database

STATE_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
SECRET_KEY = env.str("SECRET_KEY", default="") or load_or_make_secret_key(STATE_DIR / "secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
DATABASES = {
    "default": pooled(env.db("DATABASE_URL"))
    if env.str("DATABASE_URL", default="")
    else sqlite_database(STATE_DIR / "db.sqlite3")
}
# Files of the checkout are served as they are. With GATEHOUSE_RELOAD=1 an edited page or file shows
# on the next reload of the browser, without a restart.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = env.bool("GATEHOUSE_RELOAD", default=False)
if WHITENOISE_AUTOREFRESH:
    _LOADERS = "django.template.loaders."
    TEMPLATES[0]["APP_DIRS"] = False
    TEMPLATES[0]["OPTIONS"]["loaders"] = [
        _LOADERS + "filesystem.Loader", _LOADERS + "app_directories.Loader",
    ]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
