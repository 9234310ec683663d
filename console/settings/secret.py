"""The secret key: made once per installation, never a known value."""
from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

MIN_LENGTH = 50
KNOWN = ("changeme", "change-me", "insecure", "secret_key", "example", "password")


def load_or_make_secret_key(path: Path) -> str:
    """Read the key file, or make it (mode 0600). Two processes at once agree on one key."""
    if not path.exists():
        descriptor, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(get_random_secret_key() + get_random_secret_key())
        # Where another process was first, its key is the key.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
        Path(name).unlink()
    return checked_secret_key(path.read_text(encoding="ascii").strip())


def checked_secret_key(key: str) -> str:
    """The key itself. Raises ImproperlyConfigured when it is short, uniform or a known sample."""
    if len(key) < MIN_LENGTH or len(set(key)) < 10:
        raise ImproperlyConfigured(f"SECRET_KEY needs at least {MIN_LENGTH} random characters")
    if any(word in key.lower() for word in KNOWN):
        raise ImproperlyConfigured("SECRET_KEY looks like a sample value; make a random one")
    return key
