"""Errors of the API: one document, stable codes, pointers to the place."""
from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db
BAD_CONFIG = "kind: sft\nnonsense: 1\nseed: many\n"


def test_an_unknown_endpoint_answers_with_a_problem(api: Any) -> None:
    response = api().get("/api/v1/nothing/here/")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


def test_another_version_of_the_api_is_gone(api: Any) -> None:
    response = api().get("/api/v2/runs/")
    assert (response.status_code, response.json()["code"]) == (410, "no_such_version")


def test_no_credentials_are_a_401_that_names_the_scheme(api: Any) -> None:
    response = api().get("/api/v1/me/")
    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_body_that_is_not_json_is_a_400(api: Any, viewer: Any) -> None:
    client = api(viewer)
    response = client.generic("POST", "/api/v1/tokens/", b"{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_a_missing_field_is_named_by_a_pointer(api: Any, viewer: Any) -> None:
    response = api(viewer).send("post", "/api/v1/tokens/", {"scope": "read"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/name"


def test_an_unknown_query_parameter_is_a_400(api: Any, viewer: Any) -> None:
    response = api(viewer).get("/api/v1/projects/?user__password__startswith=a")
    assert (response.status_code, response.json()["code"]) == (400, "unknown_parameter")


def test_a_method_that_is_not_there_is_a_405(api: Any, viewer: Any) -> None:
    response = api(viewer).send("delete", "/api/v1/me/")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_every_problem_of_a_config_has_line_column_and_path(
    api: Any, operator: Any, project: Any
) -> None:
    body = {"name": "broken", "text": BAD_CONFIG}
    response = api(operator).send("post", "/api/v1/projects/alpha/configs/", body)
    assert (response.status_code, response.json()["code"]) == (422, "config")
    errors = {error["path"]: error for error in response.json()["errors"]}
    assert (errors["nonsense"]["line"], errors["nonsense"]["pointer"]) == (2, "/text")
    assert errors["seed"]["line"] == 3


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://other.testserver"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_use_an_unsafe_verb(
    api: Any, viewer: Any, verb: str, headers: dict[str, str]
) -> None:
    response = api(viewer).send(verb, "/api/v1/tokens/", {"name": "x"}, **headers)
    assert (response.status_code, response.json()["code"]) == (403, "foreign_origin")


def test_our_own_pages_may(api: Any, viewer: Any) -> None:
    headers = {"Origin": "http://testserver", "Sec_Fetch_Site": "same-origin"}
    response = api(viewer).send("post", "/api/v1/tokens/", {"name": "x"}, **headers)
    assert response.status_code == 201


def test_an_unknown_host_name_is_refused(api: Any, viewer: Any) -> None:
    response = api(viewer).get("/api/v1/me/", headers={"Host": "rebound.example"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": NaN}', b"[" * 200_000, b'{"name": "\xff"}', b"", b'{"name": "a"} x',
        rb'{"name": "\ud800"}', rb'{"\u0000": 1}',
    ],
)
def test_hostile_json_is_a_400(api: Any, viewer: Any, body: bytes) -> None:
    response = api(viewer).generic("POST", "/api/v1/tokens/", body, content_type="application/json")
    assert response.status_code in (400, 422)
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_body_over_the_limit_is_a_413(api: Any, viewer: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    client = api(viewer)
    for headers in ({}, {"Idempotency_Key": "k"}):
        response = client.send("post", "/api/v1/tokens/", {"name": "x" * 200}, **headers)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/api/v1/projects/a%00b/", "/api/v1/projects/?cursor=%00"])
def test_nul_in_an_address_is_a_400(api: Any, viewer: Any, path: str) -> None:
    assert api(viewer).get(path).status_code == 400
