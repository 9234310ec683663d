"""Pages of a running console, as a browser that is signed in gets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.support.stack import Stack

_SIGN_IN = """
from django.test import Client
from console.accounts.models import User
browser = Client(SERVER_NAME='127.0.0.1')
more = dict(is_superuser=True, must_change_password=False)
browser.force_login(User.objects.get_or_create(username='walker', defaults=more)[0])
print(browser.cookies['gatehouse_session'].value)
"""


class Walker:
    """Somebody who may see everything and walks the pages of the demo project."""

    def __init__(self, http: httpx2.Client, session: str) -> None:
        self._http = http
        self.session = session

    def visit(self, method: str, path: str, **body: str) -> tuple[int, str, str]:
        """Status, the place that it leads to, and the page. `path` is below the demo project.

        A form is posted with the token that an earlier page gave.
        """
        url = f"/p/demo/{path}"
        if method == "get":
            answer = self._http.get(url, params=body or None)
        else:
            token = {"X-CSRFToken": self._http.cookies.get("gatehouse_csrf", "")}
            answer = self._http.post(url, data=body, headers=token)
        return answer.status_code, answer.headers.get("Location", ""), answer.text


@contextmanager
def walking(stack: Stack) -> Iterator[Walker]:
    """A walker of that console, signed in once."""
    secret = stack.manage("shell", "--verbosity=0", "-c", _SIGN_IN).strip().splitlines()[-1]
    with httpx2.Client(
        base_url=stack.url, cookies={"gatehouse_session": secret}, timeout=60.0, trust_env=False
    ) as http:
        yield Walker(http, secret)
