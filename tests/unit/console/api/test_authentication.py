"""Tokens and cookies: what each is good for, and that they never mix."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.audit import SYSTEM
from console.accounts.models import ApiToken, AuditEntry
from console.accounts.tokens import find_api_token, make_api_token, revoke
from tests.support.people import browser

pytestmark = pytest.mark.django_db


def test_a_token_acts_for_its_owner(api: Any, viewer: Any) -> None:
    body = api(viewer, scope="read").get("/api/v1/me/").json()
    assert (body["username"], body["scope"]) == ("viewer", "read")
    assert [p["role"] for p in body["projects"]] == ["viewer"]


def test_only_the_hash_of_a_token_is_stored(viewer: Any) -> None:
    token, secret = make_api_token(SYSTEM, viewer, "mine", "read")
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret.partition(".")[2] not in str(row)


def test_the_secret_is_shown_once(api: Any, viewer: Any) -> None:
    client = api(viewer)
    made = client.send("post", "/api/v1/tokens/", {"name": "laptop", "scope": "read"}).json()
    assert find_api_token(made["secret"]) is not None
    listed = client.get("/api/v1/tokens/").json()["items"]
    assert "secret" not in listed[0]
    assert listed[0]["prefix"] == made["prefix"]


def test_a_repeated_request_for_a_token_does_not_show_the_secret_again(
    api: Any, viewer: Any
) -> None:
    client = api(viewer)
    headers = {"Idempotency_Key": "k1"}
    first = client.send("post", "/api/v1/tokens/", {"name": "a"}, **headers).json()
    again = client.send("post", "/api/v1/tokens/", {"name": "a"}, **headers).json()
    assert again["prefix"] == first["prefix"]
    assert again["secret"] is None


@pytest.mark.parametrize("end", ["revoked", "expired", "inactive"])
def test_a_token_that_ended_is_a_401(api: Any, viewer: Any, end: str) -> None:
    client = api(viewer)
    token = ApiToken.objects.get()
    if end == "revoked":
        revoke(SYSTEM, token)
    elif end == "expired":
        ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    else:
        viewer.is_active = False
        viewer.save()
    assert client.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("header", ["Basic eA==", "Bearer", "Bearer ", "Bearer nonsense"])
def test_a_malformed_authorization_header_never_falls_back_to_the_cookie(
    viewer: Any, header: str
) -> None:
    client = browser(viewer)
    assert client.get("/api/v1/me/").status_code == 200
    assert client.get("/api/v1/me/", headers={"Authorization": header}).status_code == 401


def test_a_cookie_needs_the_csrf_token_for_unsafe_verbs(viewer: Any) -> None:
    client = browser(viewer, csrf=True)
    body = {"name": "x"}
    refused = client.post("/api/v1/tokens/", body, content_type="application/json")
    assert refused.status_code == 403
    client.get("/sign-in/")
    client.get("/password/")
    token = client.cookies["gatehouse_csrf"].value
    done = client.post(
        "/api/v1/tokens/", body, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert done.status_code == 201


def test_a_token_needs_none(api: Any, viewer: Any) -> None:
    client = api(viewer)
    client.handler.enforce_csrf_checks = True
    assert client.send("post", "/api/v1/tokens/", {"name": "x"}).status_code == 201


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("launch", 422), ("admin", 422)])
def test_a_scope_narrows_what_the_owner_may_do(
    api: Any, operator: Any, scope: str, status: int
) -> None:
    body = {"name": "x", "text": "kind: nonsense\n"}
    response = api(operator, scope=scope).send("post", "/api/v1/projects/alpha/configs/", body)
    assert response.status_code == status
    assert response.json()["code"] == ("scope" if status == 403 else "config")


def test_a_scope_never_widens_a_role(api: Any, viewer: Any) -> None:
    body = {"name": "x", "text": "kind: nonsense\n"}
    response = api(viewer, scope="admin").send("post", "/api/v1/projects/alpha/configs/", body)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_a_narrow_token_cannot_make_a_wider_one(api: Any, viewer: Any) -> None:
    body = {"name": "x", "scope": "admin"}
    response = api(viewer, scope="launch").send("post", "/api/v1/tokens/", body)
    assert (response.status_code, response.json()["code"]) == (403, "scope")


def test_somebody_elses_token_does_not_exist(api: Any, viewer: Any, operator: Any) -> None:
    api(operator)
    theirs = ApiToken.objects.get(user=operator)
    assert api(viewer).send("delete", f"/api/v1/tokens/{theirs.prefix}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.usable


def test_acts_by_token_are_audited_with_its_prefix(api: Any, admin: Any, outsider: Any) -> None:
    client = api(admin)
    path = "/api/v1/projects/alpha/members/outsider/"
    assert client.send("put", path, {"role": "viewer"}).status_code == 200
    entry = AuditEntry.objects.get(action="member.add")
    assert entry.actor == "admin"
    assert entry.detail["token"] == ApiToken.objects.get().prefix
    assert entry.address == "127.0.0.1"
