"""The ASGI application. There is no WSGI one: event streams need an async server."""
from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.embedded")
application = get_asgi_application()
