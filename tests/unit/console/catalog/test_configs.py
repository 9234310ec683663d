"""Configs: checked before stored, immutable versions, edits that name what they are made from."""
from __future__ import annotations

from typing import Any

import pytest

from console.accounts.audit import Actor
from console.accounts.models import AuditEntry
from console.api.problems import ApiProblem
from console.catalog import configs
from console.catalog.models import ConfigVersion
from mlcore.errors import ConfigError

pytestmark = pytest.mark.django_db
TEXT = "kind: synth\nseed: 1\n"
URL = "/api/v1/projects/alpha/configs/"


def save(user: Any, project: Any, text: str = TEXT, **more: Any) -> ConfigVersion:
    return configs.save_version(Actor.of_user(user), project, "demo", text, **more)


def test_the_first_text_is_version_1(operator: Any, project: Any) -> None:
    version = save(operator, project)
    assert (version.number, version.kind, version.author) == (1, "synth", operator)
    assert AuditEntry.objects.get(action="config.save").object == "config:demo@1"


def test_the_same_text_is_no_new_version(operator: Any, project: Any) -> None:
    assert save(operator, project) == save(operator, project, TEXT.replace("\n", "\r\n"))
    assert ConfigVersion.objects.count() == 1


def test_a_text_with_problems_is_not_stored(operator: Any, project: Any) -> None:
    with pytest.raises(ConfigError):
        save(operator, project, "kind: synth\nnonsense: 1\n")
    assert ConfigVersion.objects.count() == 0


def test_an_edit_of_an_old_version_is_refused(operator: Any, project: Any) -> None:
    save(operator, project)
    save(operator, project, "kind: synth\nseed: 2\n", expected_latest=1)
    with pytest.raises(ApiProblem) as caught:
        save(operator, project, "kind: synth\nseed: 3\n", expected_latest=1)
    assert (caught.value.status_code, caught.value.extra) == (412, {"latest": 2})


@pytest.mark.parametrize("name", ["", " x", "a/b", "../x", "a\nb", "x" * 121])
def test_a_name_is_plain(operator: Any, project: Any, name: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        configs.save_version(Actor.of_user(operator), project, name, TEXT)
    assert caught.value.errors[0]["pointer"] == "/name"


def test_the_difference_side_by_side() -> None:
    rows = configs.diff_rows("a\nb\nc\n", "a\nB\nc\nd\n")
    assert [(row.tag, row.old, row.new) for row in rows] == [
        ("same", "a", "a"), ("changed", "b", "B"), ("same", "c", "c"), ("added", "", "d"),
    ]
    assert (rows[3].old_number, rows[3].new_number) == (None, 4)


def test_check_lists_every_problem_with_its_place(api: Any, viewer: Any) -> None:
    body = {"text": "kind: synth\nnonsense: 1\nseed: many\n"}
    answer = api(viewer).send("post", "/api/v1/projects/alpha/check/", body).json()
    assert answer["ok"] is False
    assert [(e["line"], e["path"]) for e in answer["errors"]] == [(2, "nonsense"), (3, "seed")]


def test_check_shows_what_a_good_text_resolves_to(api: Any, viewer: Any) -> None:
    answer = api(viewer).send("post", "/api/v1/projects/alpha/check/", {"text": TEXT}).json()
    assert (answer["ok"], answer["kind"], answer["resolved"]["seed"]) == (True, "synth", 1)
    assert answer["provenance"]["seed"] == "config.yaml:2"


@pytest.mark.parametrize(
    "text", ["kind: synth\n\tseed: 1\n", "a: &a [1]\nb: *a\n", "kind: synth\nkind: synth\n", "["]
)
def test_hostile_yaml_is_a_list_of_problems(api: Any, viewer: Any, text: str) -> None:
    answer = api(viewer).send("post", "/api/v1/projects/alpha/check/", {"text": text})
    assert answer.status_code == 200
    assert answer.json()["errors"]


def test_a_config_by_api_from_making_to_diff(api: Any, operator: Any) -> None:
    client = api(operator)
    made = client.send("post", URL, {"name": "demo", "text": TEXT})
    assert made.status_code == 201
    refused = client.send("post", URL, {"name": "demo", "text": TEXT})
    assert refused.status_code == 412
    versions = f"{URL}demo/versions/"
    body = {"text": "kind: synth\nseed: 2\n", "message": "another seed"}
    assert client.send("post", versions, body).status_code == 428
    etag = client.get(f"{URL}demo/").headers["ETag"]
    assert client.send("post", versions, body, If_Match=etag).status_code == 201
    stale = client.send("post", versions, body, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    listed = client.get(versions).json()["items"]
    assert [(v["number"], v["message"]) for v in listed] == [(2, "another seed"), (1, "")]
    diff = client.get(f"{URL}demo/diff/?old=1&new=2").json()
    assert "-seed: 1\n+seed: 2\n" in diff["patch"]
    assert client.get(f"{versions}1/").json()["text"] == TEXT


def test_an_unchanged_config_is_a_304(api: Any, operator: Any, project: Any) -> None:
    save(operator, project)
    client = api(operator)
    etag = client.get(f"{URL}demo/").headers["ETag"]
    assert client.get(f"{URL}demo/", headers={"If-None-Match": etag}).status_code == 304


def test_an_archived_config_leaves_the_list_and_comes_back(
    api: Any, operator: Any, project: Any
) -> None:
    save(operator, project)
    client = api(operator)
    etag = client.get(f"{URL}demo/").headers["ETag"]
    done = client.send("patch", f"{URL}demo/", {"archived": True}, If_Match=etag)
    assert done.status_code == 200
    assert client.get(URL).json()["items"] == []
    assert len(client.get(f"{URL}?archived=true").json()["items"]) == 1


def test_every_kind_has_a_schema(api: Any, viewer: Any) -> None:
    client = api(viewer)
    kinds = [kind["name"] for kind in client.get("/api/v1/kinds/").json()]
    assert "sft" in kinds
    for kind in kinds:
        schema = client.get(f"/api/v1/kinds/{kind}/").json()["schema"]
        assert schema["additionalProperties"] is False
    wrong = client.get("/api/v1/kinds/sfd/").json()
    assert "did you mean 'sft'" in wrong["detail"]
