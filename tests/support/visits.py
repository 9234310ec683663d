"""Pages of a running console, as a browser that is signed in gets them."""

from __future__ import annotations

import json

from tests.support.stack import Stack

_VISIT = """
import json, sys
from django.test import Client
from console.accounts.models import User
browser = Client(SERVER_NAME='127.0.0.1')
more = dict(is_superuser=True, must_change_password=False)
browser.force_login(User.objects.get_or_create(username='walker', defaults=more)[0])
asked = json.loads({asked!r})
answer = getattr(browser, asked['method'])(asked['path'], asked['body'])
print(json.dumps([answer.status_code, answer.headers.get('Location', ''), answer.content.decode()]))
"""


def visit(stack: Stack, method: str, path: str, **body: str) -> tuple[int, str, str]:
    """Status, the place that it leads to, and the page. `path` is below the demo project."""
    asked = json.dumps({"method": method, "path": f"/p/demo/{path}", "body": body})
    out = stack.manage("shell", "--verbosity=0", "-c", _VISIT.format(asked=asked))
    status, place, text = json.loads(out.strip().splitlines()[-1])
    return status, place, text
