"""Every URL pattern, with no credentials, with each role, from a foreign project, as a host.

The list of routes is read from the resolver, so a new route is in it from the day it exists.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, path

from console.accounts.access import Requirement, requirement_of
from console.accounts.roles import HOST, PUBLIC, SIGNED_IN, Role, rights_of_role
from tests.support import people

pytestmark = pytest.mark.django_db
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN_TO_ALL = {"healthz", "set_language", "accounts:sign_in", "api:"}
"""views that anybody may use; a new name here is a decision, not an accident"""


class Route:
    """A pattern with values filled in, and what its view declares."""

    def __init__(self, text: str, pattern: URLPattern, name: str) -> None:
        self.pattern, self.text, self.name = pattern, text, name
        self.requirement: Requirement | None = requirement_of(pattern.callback)

    def url(self, project: str = "alpha", number: str = "1", word: str = "x") -> str:
        text = re.sub(r"<[^>]*\bproject>", project, self.text)
        text = re.sub(r"<int:\w+>", number, text)
        text = re.sub(r"<(?:\w+:)?\w+>", lambda _match: word, text)
        return "/" + text

    @property
    def in_project(self) -> bool:
        return ":project>" in self.text


def routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "", ""))


def _walk(patterns: list[Any], prefix: str, names: str) -> Iterator[Route]:
    for pattern in patterns:
        text = prefix + _plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            space = f"{names}{pattern.namespace}:" if pattern.namespace else names
            yield from _walk(pattern.url_patterns, text, space)
        else:
            yield Route(text, pattern, names + (pattern.name or ""))


def _plain(pattern: str) -> str:
    return pattern.replace("^", "").replace("$", "").replace("/?", "/").replace(".*", "nowhere")


def refused(response: Any) -> bool:
    """401, 403, 404, or a redirect to the sign-in page."""
    if response.status_code in (302, 204):
        target = response.headers.get("Location") or response.headers.get("HX-Redirect", "")
        return target.startswith("/sign-in/")
    return response.status_code in (401, 403, 404)


def allowed(requirement: Requirement, method: str) -> bool:
    return requirement.for_method(method) is not None


def test_every_view_declares_what_it_needs() -> None:
    undeclared = [route.text for route in routes() if route.requirement is None]
    assert undeclared == []


def test_only_a_known_few_are_open_to_everybody() -> None:
    found = set()
    for route in routes():
        assert route.requirement is not None
        rights = {route.requirement.default, *route.requirement.by_method.values()}
        if PUBLIC in rights:
            found.add(route.name)
    assert found == OPEN_TO_ALL


def test_nothing_answers_without_credentials(project: Any) -> None:
    client = Client(raise_request_exception=False)
    answered = []
    for route in routes():
        for method in METHODS:
            if route.name in OPEN_TO_ALL:
                continue
            response = client.generic(method, route.url())
            if not refused(response) and response.status_code != 405:
                answered.append((method, route.text, response.status_code))
    assert answered == []


def test_a_wrong_token_is_refused_even_beside_a_good_session(viewer: Any) -> None:
    client = people.browser(viewer)
    answered = []
    for route in routes():
        if not route.text.startswith("api/v1/") or route.name == "api:":
            continue
        response = client.get(route.url(), headers={"Authorization": "Bearer gha_12345678.no"})
        if response.status_code not in (401, 405):
            answered.append((route.text, response.status_code))
    assert answered == []


@pytest.mark.parametrize("kind", ["session", "token"])
def test_a_foreign_project_does_not_exist(
    kind: str, viewer: Any, foreign_project: Any, api: Any
) -> None:
    client = people.browser(viewer) if kind == "session" else api(viewer)
    wrong = []
    for route in routes():
        if not route.in_project or (kind == "token" and not route.text.startswith("api/")):
            continue
        assert route.requirement is not None
        for method in METHODS:
            if not allowed(route.requirement, method):
                continue
            response = client.generic(method, route.url("beta"), content_type="application/json")
            host_only = route.requirement.for_method(method) == HOST
            if response.status_code not in ((403,) if host_only else (404, 405)):
                wrong.append((method, route.text, response.status_code))
    assert wrong == []


@pytest.mark.parametrize(
    "role",
    [
        pytest.param(role, marks=[] if role == Role.ADMIN else [pytest.mark.any_database])
        for role in Role.values
    ],
)
def test_each_role_is_refused_exactly_what_it_has_no_right_to(
    role: str, project: Any, django_capture_on_commit_callbacks: Any
) -> None:
    """A permitted request may still be a 404 or 422 here: its object is made up. It is never a 403
    and never a crash. A request without the right is a 403 always."""
    user = people.make_member(project, role)
    client = people.browser(user)
    client.raise_request_exception = False
    rights = rights_of_role(role)
    wrong = []
    for route in routes():
        if route.name in OPEN_TO_ALL or route.name == "accounts:sign_out":
            continue
        assert route.requirement is not None
        for method in METHODS:
            right = route.requirement.for_method(method)
            if right is None:
                continue
            expected = right == SIGNED_IN or right in rights
            response = client.generic(method, route.url(), content_type="application/json")
            if expected == (response.status_code == 403) or response.status_code >= 500:
                wrong.append((method, route.text, right, response.status_code))
    assert wrong == []


def test_a_host_token_reaches_the_host_api_only(project: Any, api: Any) -> None:
    client = api.host()
    wrong = []
    for route in routes():
        if not route.text.startswith("api/v1/") or route.name == "api:":
            continue
        assert route.requirement is not None
        for method in METHODS:
            right = route.requirement.for_method(method)
            if right is None or right == HOST:
                continue
            response = client.generic(method, route.url(), content_type="application/json")
            if response.status_code not in (403, 405):
                wrong.append((method, route.text, response.status_code))
    assert wrong == []


def test_the_host_api_refuses_people(admin: Any, superuser: Any, api: Any) -> None:
    wrong = []
    for client in (people.browser(admin), api(superuser)):
        for route in routes():
            assert route.requirement is not None
            for method in METHODS:
                if route.requirement.for_method(method) != HOST:
                    continue
                response = client.generic(method, route.url(), content_type="application/json")
                if response.status_code not in (403, 405):
                    wrong.append((method, route.text, response.status_code))
    assert wrong == []


HOSTILE = [
    "..%2f..%2fetc%2fpasswd", "%252e%252e", "a%23b", "a%3fb", "%00", "%5c%5chost%5cshare", "%27%22",
    "%f0%9f%92%a5", "%ff", "..", "x" * 300, "__class__", "%7B%7B7*7%7D%7D",
]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_no_name_in_an_address_makes_a_page_fail(superuser: Any, project: Any, word: str) -> None:
    client = people.browser(superuser)
    client.raise_request_exception = False
    failed = []
    for route in routes():
        if "<" not in route.text.replace("<slug:project>", ""):
            continue
        for number in ("0", "9" * 30):
            response = client.get(route.url(number=number, word=word))
            if response.status_code >= 500 or response.status_code == 200:
                failed.append((route.text, number, response.status_code))
    assert failed == []


def undeclared_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")


urlpatterns = [path("api/forgotten/", undeclared_view), path("p/<slug:project>/", undeclared_view)]


@override_settings(ROOT_URLCONF=__name__)
def test_a_view_that_forgot_to_declare_answers_nobody(superuser: Any) -> None:
    response = people.browser(superuser).get("/api/forgotten/")
    assert (response.status_code, response.json()["code"]) == (403, "undeclared")
