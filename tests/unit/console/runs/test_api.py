"""Runs over HTTP: as people and scripts see them, and as hosts do."""
from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from console.catalog import blobs
from console.fleet.models import Host
from console.runs import services
from console.runs.models import Artifact, Run
from tests.unit.console.runs.conftest import SYNTH, claimed, event, finish, metric, send

pytestmark = pytest.mark.django_db
RUNS = "/api/v1/projects/alpha/runs/"


def body_of(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return json.loads(response.content)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_script_launches_watches_and_cancels(api: Any, operator: Any) -> None:
    client = api(operator)
    answer = client.send("post", RUNS, {"config": SYNTH, "tags": ["a"]})
    made = body_of(answer, 201)
    assert answer.headers["Location"] == f"{RUNS}{made['uid']}/"
    assert made["state"] == "queued" and made["created_by"] == "operator"
    assert made["waiting_reason"] == "No worker serves the queue cpu."
    assert body_of(client.send("get", RUNS))["items"][0]["uid"] == made["uid"]
    done = body_of(client.send("post", f"{RUNS}{made['uid']}/cancel/"))
    assert (done["state"], done["reason"]) == ("cancelled", "user")
    again = client.send("post", f"{RUNS}{made['uid']}/cancel/")
    assert body_of(again, 409)["code"] == "wrong_state"


def test_a_repeated_launch_makes_one_run(api: Any, operator: Any) -> None:
    client = api(operator)
    first = client.send("post", RUNS, {"config": SYNTH}, Idempotency_Key="k")
    second = client.send("post", RUNS, {"config": SYNTH}, Idempotency_Key="k")
    assert body_of(first, 201)["uid"] == body_of(second, 201)["uid"]
    assert Run.objects.count() == 1
    other = client.send("post", RUNS, {"config": SYNTH + "seed: 1\n"}, Idempotency_Key="k")
    assert other.status_code == 409


def test_a_bad_config_is_a_422_with_lines(api: Any, operator: Any) -> None:
    answer = api(operator).send("post", RUNS, {"config": "kind: synth\nnmae: x\n"})
    error = body_of(answer, 422)["errors"][0]
    assert (error["pointer"], error["line"], error["path"]) == ("/config", 2, "nmae")
    assert "name" in error["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"config": SYNTH, "config_ref": "a@1"}, {"config_ref": "a@1"}]
)
def test_a_launch_names_one_config_that_exists(api: Any, operator: Any, body: Any) -> None:
    assert api(operator).send("post", RUNS, body).status_code == 422


def test_the_list_filters_and_pages(api: Any, viewer: Any, launch: Any, host: Host) -> None:
    for index in range(5):
        launch(name=f"run {index}", tags=["odd"] if index % 2 else ["even"])
    finish(claimed(host), 0)
    client = api(viewer)

    def names(query: str) -> list[str]:
        return [run["name"] for run in body_of(client.get(RUNS + query))["items"]]

    assert names("?tag=odd") == ["run 3", "run 1"]
    assert names("?state=succeeded") == ["run 0"]
    assert names("?state=succeeded,queued&kind=synth&q=UN%204") == ["run 4"]
    assert names("?name=run%202") == ["run 2"]
    first = body_of(client.get(RUNS + "?limit=3"))
    rest = body_of(client.get(f"{RUNS}?limit=3&cursor={first['next_cursor']}"))
    assert [r["name"] for r in first["items"] + rest["items"]] == [
        f"run {n}" for n in (4, 3, 2, 1, 0)
    ]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", ["?state=flying", "?kind=dance", "?order=name", "?id__gt=1"])
def test_an_unknown_filter_is_refused(api: Any, viewer: Any, query: str) -> None:
    assert api(viewer).get(RUNS + query).status_code == 400


def test_the_etag_changes_with_the_run(api: Any, operator: Any, launch: Any, host: Host) -> None:
    url = f"{RUNS}{launch().uid}/"
    attempt = claimed(host)
    client = api(operator)
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    send(attempt, metric(1, 1))
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 200
    stale = client.send("patch", url, {"note": "x"}, If_Match=etag)
    assert stale.status_code == 412
    assert body_of(client.send("patch", url, {"note": "x", "pinned": True}))["pinned"] is True


def test_a_run_of_another_project_does_not_exist(
    api: Any, operator: Any, launch: Any, foreign_project: Any
) -> None:
    run = launch(into=foreign_project)
    client = api(operator)
    for tail in ("", "metrics/", "log/", "events/", "samples/", "artifacts/", "waiting/"):
        assert client.get(f"{RUNS}{run.uid}/{tail}").status_code == 404
    for act in ("cancel", "resume", "retry", "clone"):
        assert client.send("post", f"{RUNS}{run.uid}/{act}/", {}).status_code == 404
    assert client.get(f"/api/v1/stream?project={foreign_project.slug}").status_code == 404


def test_a_viewer_looks_and_touches_nothing(api: Any, viewer: Any, launch: Any) -> None:
    run = launch()
    client = api(viewer)
    assert client.get(f"{RUNS}{run.uid}/").status_code == 200
    for act in ("cancel", "resume", "retry", "clone"):
        assert client.send("post", f"{RUNS}{run.uid}/{act}/", {}).status_code == 403
    assert client.send("post", RUNS, {"config": SYNTH}).status_code == 403
    assert client.send("patch", f"{RUNS}{run.uid}/", {"note": "x"}).status_code == 403


def test_a_clone_changes_what_its_body_says(api: Any, operator: Any, launch: Any) -> None:
    run = launch(note="kept")
    body = {"config": SYNTH + "seed: 9\n"}
    made = body_of(api(operator).send("post", f"{RUNS}{run.uid}/clone/", body), 201)
    assert made["config_resolved"]["seed"] == 9
    assert (made["note"], made["parent"], made["parent_relation"]) == ("kept", run.uid, "clone")


def test_metrics_follow_a_run_by_cursor(api: Any, viewer: Any, launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    url = f"{RUNS}{run.uid}/metrics/?keys=loss"
    client = api(viewer)
    send(attempt, *[metric(n, n) for n in range(1, 6)])
    first = body_of(client.get(url))
    assert first["series"][0]["steps"] == [1, 2, 3, 4, 5]
    assert [row["key"] for row in first["available"]] == ["loss"]
    send(attempt, metric(6, 6))
    second = body_of(client.get(f"{url}&after={first['cursor']}"))
    assert second["series"][0]["steps"] == [6] and second["reset"] is False
    finish(attempt, 75)
    send(claimed(host), event(1, "rewind", step=3), metric(2, 4))
    third = body_of(client.get(f"{url}&after={second['cursor']}"))
    assert third["reset"] is True and third["series"][0]["steps"] == [1, 2, 3, 4]
    assert body_of(client.get(f"{url}&from=2&to=3"))["series"][0]["steps"] == [2, 3]
    assert client.get(f"{url}&after=nonsense").status_code == 400


def test_the_log_is_read_by_offset_or_tail(
    api: Any, viewer: Any, launch: Any, host: Host
) -> None:
    run = launch()
    url = f"{RUNS}{run.uid}/log/"
    client = api(viewer)
    assert body_of(client.get(url))["size"] == 0
    attempt = claimed(host)
    services.take_log(attempt.pk, str(attempt.lease), 0, b"one\ntwo\nthree\n")
    part = body_of(client.get(f"{url}?offset=4&limit=4"))
    assert (part["text"], part["next_offset"], part["size"]) == ("two\n", 8, 14)
    assert body_of(client.get(f"{url}?tail=1"))["text"] == "three\n"
    assert client.get(f"{url}?offset=-1").status_code == 400


def artifact(run: Run, data: bytes, path: str) -> Artifact:
    sha = hashlib.sha256(data).hexdigest()
    blobs.put_bytes(data)
    return Artifact.objects.create(
        run=run, name=path, path=path, sha256=sha, size=len(data), media="text/html"
    )


@pytest.mark.parametrize("path", ["page.html", "drawing.svg", "shown.png", "notes.md.exe"])
def test_a_hostile_artifact_is_served_inert(
    api: Any, viewer: Any, launch: Any, path: str
) -> None:
    run = launch()
    data = b"<svg onload=alert(1)><script>alert(1)</script>"
    row = artifact(run, data, path)
    for query in ("", "?inline=1"):
        answer = api(viewer).get(f"{RUNS}{run.uid}/artifacts/{row.pk}/{query}")
        assert answer.status_code == 200 and content(answer) == data
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_an_artifact_belongs_to_its_run(api: Any, viewer: Any, launch: Any) -> None:
    one, other = launch(), launch()
    row = artifact(one, b"x", "x.txt")
    assert api(viewer).get(f"{RUNS}{other.uid}/artifacts/{row.pk}/").status_code == 404
    listed = body_of(api(viewer).get(f"{RUNS}{one.uid}/artifacts/"))["items"]
    assert [item["id"] for item in listed] == [row.pk]


def test_a_host_does_a_whole_run(api: Any, operator: Any) -> None:
    made = body_of(api(operator).send("post", RUNS, {"config": SYNTH}), 201)
    box = api.host("box")
    hello = {
        "host": "box", "boot_id": "b", "worker": "w", "queues": ["cpu"], "gpus": [],
        "kinds": ["synth"], "slots": 1, "version": "1",
    }
    welcome = body_of(box.send("post", "/api/v1/host/hello", hello))
    assert (welcome["heartbeat_s"], welcome["lease_s"]) == (5, 20)
    asked = {
        "host_id": welcome["host_id"], "worker": "w", "queues": ["cpu"], "kinds": ["synth"]
    }
    claim = body_of(box.send("post", "/api/v1/host/claim", asked))
    assert claim["run"] == {
        "uid": made["uid"], "kind": "synth", "name": "cabinets", "project": "alpha"
    }
    assert box.send("post", "/api/v1/host/claim", asked).status_code == 204
    lease, base = claim["attempt"]["lease"], f"/api/v1/host/attempts/{claim['attempt']['id']}"
    beat = body_of(box.send("post", f"{base}/heartbeat", {"lease": lease, "pid": 5, "pgid": 5}))
    assert beat["cancel"] is False
    events = {"lease": lease, "events": [event(1, "status", phase="starting", message="\x00 a")]}
    assert body_of(box.send("post", f"{base}/events", events)) == {"last_seq": 1}
    gap = box.send("post", f"{base}/events", {"lease": lease, "events": [metric(5, 1)]})
    assert (body_of(gap, 409)["code"], body_of(gap, 409)["last_seq"]) == ("event_gap", 1)
    log = box.generic(
        "POST", f"{base}/log?lease={lease}&offset=0", b"line\n", "application/octet-stream"
    )
    assert body_of(log) == {"offset": 5}
    torn = box.generic(
        "POST", f"{base}/log?lease={lease}&offset=1", b"x", "application/octet-stream"
    )
    assert (body_of(torn, 409)["code"], body_of(torn, 409)["offset"]) == ("offset_mismatch", 5)
    end = {"lease": lease, "exit_code": 0, "last_seq": 1, "report": None, "manifest": None,
           "outputs": []}  # fmt: skip
    assert body_of(box.send("post", f"{base}/finish", end)) == {"state": "succeeded"}
    lost = box.send("post", f"{base}/heartbeat", {"lease": lease})
    assert body_of(lost, 409)["code"] == "lease_lost"


def test_blobs_travel_by_their_hash(api: Any) -> None:
    box = api.host()
    sha = hashlib.sha256(b"data").hexdigest()
    asked = {"sha256": [sha]}
    url = f"/api/v1/host/blobs/{sha}"
    assert body_of(box.send("post", "/api/v1/host/blobs/missing", asked)) == {"missing": [sha]}
    wrong = box.generic("PUT", url, b"other", "application/octet-stream")
    assert wrong.status_code == 422
    assert box.generic("PUT", url, b"data", "application/octet-stream").status_code == 204
    assert body_of(box.send("post", "/api/v1/host/blobs/missing", asked)) == {"missing": []}
    assert content(box.get(url)) == b"data"
    assert box.get("/api/v1/host/blobs/..%2f..%2fsecret_key").status_code in (400, 404)


@pytest.mark.parametrize("body", [b"{", b'{"lease": NaN}', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_a_400(api: Any, body: bytes) -> None:
    answer = api.host().generic("POST", "/api/v1/host/hello", body, "application/json")
    assert body_of(answer, 400)["code"] == "malformed"


@pytest.mark.parametrize(
    "path", ["hello", "claim", "control/tick", "attempts/1/events", "attempts/1/finish"]
)
def test_people_are_no_hosts(api: Any, admin: Any, path: str) -> None:
    assert api(admin).send("post", f"/api/v1/host/{path}", {}).status_code == 403
    assert api().send("post", f"/api/v1/host/{path}", {}).status_code == 401


def test_a_revoked_host_token_stops_at_once(api: Any) -> None:
    from console.accounts.audit import SYSTEM
    from console.accounts.models import HostToken
    from console.accounts.tokens import revoke

    box = api.host()
    assert box.send("post", "/api/v1/host/control/tick", {}).status_code == 200
    revoke(SYSTEM, HostToken.objects.get())
    assert box.send("post", "/api/v1/host/control/tick", {}).status_code == 401
