"""Projects, members and people over the API."""
from __future__ import annotations

from typing import Any

import pytest

from console.accounts.models import Membership, User

pytestmark = pytest.mark.django_db
PROJECT = "/api/v1/projects/alpha/"


def test_only_a_superuser_makes_projects_and_becomes_their_admin(
    api: Any, admin: Any, superuser: Any
) -> None:
    body = {"slug": "gamma", "name": "Gamma"}
    assert api(admin).send("post", "/api/v1/projects/", body).status_code == 403
    assert api(superuser).send("post", "/api/v1/projects/", body).status_code == 201
    assert Membership.objects.get(project__slug="gamma").user == superuser


def test_a_taken_or_bad_slug_is_named_by_its_field(api: Any, superuser: Any, project: Any) -> None:
    for slug in ("alpha", "Not a slug", ""):
        body = {"slug": slug, "name": "Gamma"}
        response = api(superuser).send("post", "/api/v1/projects/", body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/slug"


def test_people_see_their_own_projects_only(api: Any, viewer: Any, foreign_project: Any) -> None:
    listed = api(viewer).get("/api/v1/projects/").json()["items"]
    assert [p["slug"] for p in listed] == ["alpha"]


def test_a_superuser_sees_all(api: Any, superuser: Any, project: Any, foreign_project: Any) -> None:
    me = api(superuser).get("/api/v1/me/").json()
    assert [(p["slug"], p["role"]) for p in me["projects"]] == [
        ("alpha", "admin"), ("beta", "admin"),
    ]


def test_an_edit_must_match_what_was_read(api: Any, admin: Any) -> None:
    client = api(admin)
    etag = client.get(PROJECT).headers["ETag"]
    assert client.send("patch", PROJECT, {"name": "New"}).status_code == 428
    done = client.send("patch", PROJECT, {"name": "New"}, If_Match=etag)
    assert (done.status_code, done.json()["name"]) == (200, "New")
    assert client.send("patch", PROJECT, {"name": "Newer"}, If_Match=etag).status_code == 412
    fresh = done.headers["ETag"]
    assert client.send("patch", PROJECT, {"name": "Newer"}, If_Match=fresh).status_code == 200


def test_an_admin_adds_changes_and_removes_members(api: Any, admin: Any, outsider: Any) -> None:
    client = api(admin)
    path = f"{PROJECT}members/outsider/"
    assert client.send("put", path, {"role": "viewer"}).status_code == 200
    assert client.send("put", path, {"role": "lead"}).json()["role"] == "lead"
    assert api(outsider).get(PROJECT).status_code == 200
    assert client.send("delete", path).status_code == 204
    assert api(outsider).get(PROJECT).status_code == 404


@pytest.mark.parametrize("body", [{"role": "owner"}, {}, {"role": None}])
def test_an_unknown_role_is_refused(
    api: Any, admin: Any, outsider: Any, body: dict[str, Any]
) -> None:
    response = api(admin).send("put", f"{PROJECT}members/outsider/", body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/role")


def test_the_last_admin_stays(api: Any, admin: Any) -> None:
    client = api(admin)
    path = f"{PROJECT}members/admin/"
    for response in (client.send("delete", path), client.send("put", path, {"role": "viewer"})):
        assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    assert Membership.objects.get(user=admin).role == "admin"


def test_a_new_account_gets_a_one_time_password(api: Any, superuser: Any) -> None:
    made = api(superuser).send("post", "/api/v1/users/", {"username": "new.person"}).json()
    user = User.objects.get(username="new.person")
    assert user.check_password(made["one_time_password"])
    assert user.must_change_password


@pytest.mark.parametrize("username", ["superuser", "Has Space", "", "x" * 65, "-dash"])
def test_a_bad_or_taken_username_is_refused(api: Any, superuser: Any, username: str) -> None:
    response = api(superuser).send("post", "/api/v1/users/", {"username": username})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/username")


def test_a_host_token_is_made_listed_and_revoked(api: Any, superuser: Any) -> None:
    client = api(superuser)
    made = client.send("post", "/api/v1/host-tokens/", {"name": "gpu-1"}).json()
    assert made["secret"].startswith(made["prefix"])
    assert client.send("delete", f"/api/v1/host-tokens/{made['prefix']}/").status_code == 204
    listed = client.get("/api/v1/host-tokens/").json()["items"]
    assert listed[0]["revoked"] is not None
    assert "secret" not in listed[0]
