"""Headers of every answer, above all the content security policy."""
from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import RequestFactory

from console.security.headers import INERT_POLICY, SecurityHeaders
from tests.support.people import browser

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def policy(response: Any) -> dict[str, str]:
    header = response.headers["Content-Security-Policy"]
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


@pytest.mark.parametrize("path", ["/sign-in/", "/healthz", "/nothing/", "/api/v1/me/", "/api/x"])
def test_every_answer_has_a_strict_policy(path: str) -> None:
    response = browser().get(path)
    rules = policy(response)
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "http" not in response.headers["Content-Security-Policy"]
    assert rules["frame-ancestors"] == "'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "no-cache" in response.headers["Cache-Control"]


def test_the_nonce_is_new_for_every_request_and_the_pages_own() -> None:
    client = browser()
    nonces = set()
    for _ in range(3):
        response = client.get("/sign-in/")
        found = re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
        assert len(set(found)) == 1
        nonces.add(found[0])
        used = set(re.findall(rb'nonce="([^"]+)"', response.content))
        assert used <= {found[0].encode()}
    assert len(nonces) == 3


def test_a_view_may_set_a_stricter_policy() -> None:
    from django.http import HttpResponse

    def inert(_request: Any) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": INERT_POLICY})

    response = SecurityHeaders(inert)(RequestFactory().get("/"))
    assert response.headers["Content-Security-Policy"] == INERT_POLICY


def test_cookies_are_for_us_only(viewer: Any) -> None:
    from tests.support.people import PASSWORD

    response = browser().post("/sign-in/", {"username": "viewer", "password": PASSWORD})
    cookie = response.cookies["gatehouse_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_form_without_its_token_says_so_in_words() -> None:
    response = browser(csrf=True).post("/sign-in/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert b"Reload the page" in response.content
