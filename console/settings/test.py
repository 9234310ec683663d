"""Tests: SQLite by default, or PostgreSQL by GATEHOUSE_TEST_DB=postgres."""
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

STATE = Path(os.environ.setdefault("GATEHOUSE_STATE", tempfile.mkdtemp(prefix="gatehouse-test-")))

from console.settings.base import *  # noqa: E402, F403
from console.settings.base import env  # noqa: E402
from console.settings.sqlite import sqlite_database  # noqa: E402

SECRET_KEY = "only-for-tests-" + "0123456789abcdef" * 4
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
DATABASES: dict[str, Any]
if env.str("GATEHOUSE_TEST_DB", default="sqlite") == "postgres":
    DATABASES = {"default": env.db("GATEHOUSE_TEST_DATABASE_URL")}
else:
    DATABASES = {"default": sqlite_database(STATE / "test.sqlite3")}
    # A file, so that threads of a live server see what the test wrote.
    DATABASES["default"]["TEST"] = {"NAME": str(STATE / "test.sqlite3")}
