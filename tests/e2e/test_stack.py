"""The main job, small, through the public API of a real console with its broker and workers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mlcore.run.events import read_events
from tests.support import stack_configs as configs
from tests.support.second_host import alone, event
from tests.support.stack import Client, Stack, wait_for

NOT_ROWS = ("metric", "progress", "sample")
"""events that the console keeps as points, progress and samples, not one by one"""


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    """The operator's client of the session's console."""
    return stack.client()


@pytest.fixture(scope="module")
def synth(client: Client) -> str:
    uid = client.launch(configs.synth())
    client.succeeded(uid)
    return uid


@pytest.fixture(scope="module")
def sft(client: Client, synth: str) -> str:
    uid = client.launch(configs.sft("run:x/dataset"), {"data.dataset": f"run:{synth}/dataset"})
    client.succeeded(uid)
    return uid


@pytest.fixture(scope="module")
def evaluation(client: Client, synth: str, sft: str) -> str:
    """Two systems predicted at the same time, then scored side by side."""
    data = f"run:{synth}/dataset"
    tuned = client.launch(configs.predict(data, "model", f"run:{sft}/model"))
    constant = client.launch(configs.predict(data, "constant"))
    for uid in (tuned, constant):
        client.succeeded(uid)
    uid = client.launch(
        configs.evaluate(
            data, tuned=f"run:{tuned}/predictions", constant=f"run:{constant}/predictions"
        )
    )
    client.succeeded(uid)
    return uid


def files_events(stack: Stack, uid: str, attempt: int = 1) -> list[dict[str, Any]]:
    folder = stack.state.host / "runs" / uid
    return list(read_events(folder / "events" / f"attempt-{attempt}.jsonl"))


def test_a_synth_run_becomes_a_dataset_with_records_and_images(client: Client, synth: str) -> None:
    run = client.run(synth)
    assert run["attempts"][0]["exit_code"] == 0
    assert run["report"]["schema"] == "synth/1"
    path = next(
        f"datasets/{dataset['name']}/versions/{version['number']}/"
        for dataset in client.items("datasets/")
        for version in client.items(f"datasets/{dataset['name']}/versions/")
        if version["run"] == synth
    )
    records = client.items(f"{path}records/")
    assert len(records) == 32
    assert {record["split"] for record in records} == {"train", "val"}
    assert all(record["objects"] for record in records)
    image = client.send("GET", records[0]["image"])
    assert image.headers["Content-Type"] == "image/jpeg"
    assert hashlib.sha256(image.content).hexdigest() == records[0]["image_sha"]


def test_every_training_step_arrives_once(client: Client, sft: str) -> None:
    steps, values = client.points(sft, "train/loss")
    assert steps == [1, 2, 3, 4, 5, 6]
    assert all(value > 0 for value in values)
    available = {row["key"]: row["n"] for row in client.get(f"runs/{sft}/metrics/")["available"]}
    assert available["train/loss"] == 6
    assert "eval/parse_rate" in available


def test_the_console_has_each_event_of_the_run_folder_once(
    stack: Stack, client: Client, sft: str
) -> None:
    written = files_events(stack, sft)
    stored = client.items(f"runs/{sft}/events/")
    names = ("v", "seq", "time", "type")
    expected = [
        (e["seq"], e["type"], {k: v for k, v in e.items() if k not in names})
        for e in written
        if e["type"] not in NOT_ROWS
    ]
    assert [(row["seq"], row["type"], row["body"]) for row in stored] == expected
    assert client.run(sft)["attempts"][0]["last_seq"] == len(written)
    metrics = [e["values"] for e in written if e["type"] == "metric"]
    losses = [v["train/loss"] for v in metrics if "train/loss" in v]
    assert client.points(sft, "train/loss")[1] == losses


def test_the_log_is_the_file_byte_for_byte(stack: Stack, client: Client, sft: str) -> None:
    data = (stack.state.host / "runs" / sft / "log" / "attempt-1.txt").read_bytes()
    log = client.get(f"runs/{sft}/log/", offset=0, limit=1 << 20)
    assert log["size"] == len(data)
    assert log["text"].encode() == data


def test_samples_show_truth_and_prediction_on_an_image(client: Client, sft: str) -> None:
    samples = client.items(f"runs/{sft}/samples/")
    assert {sample["step"] for sample in samples} == {3, 6}
    assert all(sample["truth"] for sample in samples)
    image = client.send("GET", f"runs/{sft}/samples/{samples[0]['id']}/image/")
    assert hashlib.sha256(image.content).hexdigest() == samples[0]["image_sha"]


def test_the_model_comes_out_as_a_version_with_its_origin(client: Client, sft: str) -> None:
    versions = [
        version
        for model in client.items("models/")
        for version in client.items(f"models/{model['name']}/versions/")
    ]
    assert sft in [version["run"] for version in versions]


def test_overlays_of_an_evaluation_arrive_as_images(client: Client, evaluation: str) -> None:
    report = client.run(evaluation)["report"]
    assert set(report["systems"]) == {"tuned", "constant"}
    artifacts = client.items(f"runs/{evaluation}/artifacts/")
    drawn = [a for a in artifacts if a["path"].endswith(".png")]
    assert len(drawn) >= 2
    for artifact in drawn:
        data = client.send("GET", f"runs/{evaluation}/artifacts/{artifact['id']}/").content
        assert hashlib.sha256(data).hexdigest() == artifact["sha256"]


def test_the_demo_policy_fails_closed(client: Client, evaluation: str) -> None:
    uid = client.launch(configs.gate(f"run:{evaluation}/evaluation"))
    run = client.finished(uid)
    assert (run["state"], run["reason"]) == ("failed", "gate")
    assert run["attempts"][-1]["exit_code"] == 5
    verdict = next(row for row in client.items("gates/") if row["run"] == uid)
    assert verdict["passed"] is False
    assert {c["id"] for c in verdict["checks"] if not c["passed"]} >= {"parse_rate", "f1"}


BAD = {
    "an unknown key": ("kind: synth\ntrian: 4\n", 2, "trian", "did you mean 'train'"),
    "a wrong type": ("kind: synth\ntrain: many\n", 2, "train", "valid integer"),
    "a duplicate key": ("kind: synth\ntrain: 4\ntrain: 5\n", 3, "train", "duplicate key"),
    "a tab": ("kind: synth\ntickets:\n\tmin_images: 2\n", 3, "", "tab"),
    "an alias bomb": (
        "kind: synth\nannotations:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"  {name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        None, "", "alias",
    ),
    "an unresolved input": (
        "kind: sft\nmodel: {type: scratch}\ndata: {dataset: 'run:nowhere/dataset'}\n",
        None, "data.dataset", "nowhere",
    ),
}
"""the text, and of the problem: its line, its dotted path, words of its sentence"""


@pytest.mark.parametrize("what", BAD)
def test_a_bad_config_is_a_422_that_points_at_the_problem(client: Client, what: str) -> None:
    text, line, path, words = BAD[what]
    before = len(client.items("runs/"))
    answer = client.post("runs/", {"config": text})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    errors = answer.json()["errors"]
    found = next((e for e in errors if words in e["detail"]), None)
    assert found is not None, errors
    assert found["pointer"] == "/config"
    assert line is None or found["line"] == line
    assert path in found["path"]
    assert len(client.items("runs/")) == before


def test_a_wrong_input_beside_the_config_is_pointed_at(client: Client) -> None:
    text = "kind: sft\nmodel: {type: scratch}\ndata: {dataset: 'run:nowhere/dataset'}\n"
    body = {"config": text, "inputs": {"data.dataset": "dataset:nowhere@1"}}
    answer = client.post("runs/", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/inputs/data.dataset"]


def test_every_problem_of_a_config_is_listed(client: Client) -> None:
    text = "kind: synth\ntrian: 4\nval: none\njpeg_quality: 7\n"
    errors = client.post("runs/", {"config": text}).json()["errors"]
    assert [(e["line"], e["path"]) for e in errors] == [
        (2, "trian"), (3, "val"), (4, "jpeg_quality")
    ]


def test_a_launch_that_is_sent_again_is_the_same_run(client: Client) -> None:
    body = {"config": configs.synth(1, 1, seed=11)}
    key = {"Idempotency-Key": "the-same-launch"}
    first = client.send("POST", "runs/", json=body, headers=key)
    again = client.send("POST", "runs/", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json()["uid"] == again.json()["uid"]
    other = client.send("POST", "runs/", json={**body, "name": "other"}, headers=key)
    assert other.status_code in (409, 422)
    client.succeeded(first.json()["uid"])


def test_a_path_outside_the_allowed_roots_is_refused(client: Client) -> None:
    run = client.finished(client.launch("kind: import\nformat: {type: voc}\nsource: /etc\n"))
    assert (run["state"], run["reason"]) == ("failed", "config")
    assert run["attempts"][-1]["exit_code"] == 2
    assert "outside" in run["error"]["message"]


def test_a_link_out_of_an_allowed_root_is_refused(stack: Stack, client: Client) -> None:
    link = stack.state.data / "innocent"
    link.symlink_to("/etc")
    run = client.finished(client.launch(f"kind: import\nformat: {{type: voc}}\nsource: {link}\n"))
    assert run["attempts"][-1]["exit_code"] == 2


def test_a_pickle_where_safetensors_belong_is_refused(
    stack: Stack, client: Client, synth: str
) -> None:
    folder = stack.state.data / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}), encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    text = configs.predict(f"run:{synth}/dataset", "model", str(folder))
    run = client.finished(client.launch(text))
    assert (run["state"], run["reason"]) == ("failed", "data")
    assert run["attempts"][-1]["exit_code"] == 3
    assert "pickle" in run["error"]["message"]


ACTIVE = {
    "page.html": b"<!doctype html><script>document.title='owned'</script>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "liar.png": b"<html><script>alert(1)</script></html>",
}


@pytest.fixture(scope="module")
def hostile_run(stack: Stack, client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose host announced active content as artifacts, with harmless media types."""
    folder = tmp_path_factory.mktemp("hostile")
    with alone(stack) as host:
        uid = client.launch(configs.synth(1, 1))
        claim = host.claim()
        events = [event(1, "status", phase="running", message="")]
        for seq, (name, data) in enumerate(ACTIVE.items(), start=2):
            path, sha = folder / name, hashlib.sha256(data).hexdigest()
            path.write_bytes(data)
            host.client.put_blob(sha, path)
            announced = {"sha256": sha, "size": len(data), "media": "image/png"}
            events.append(event(seq, "artifact", name=name, path=f"artifacts/{name}", **announced))
        host.client.events(claim.attempt_id, claim.lease, events)
        response = host.client._http.post(
            f"/attempts/{claim.attempt_id}/finish",
            json={"lease": claim.lease, "exit_code": 70, "last_seq": len(events)},
        )
        assert response.is_success
    return uid


@pytest.mark.parametrize("name", ACTIVE)
@pytest.mark.parametrize("query", [{}, {"inline": "1"}])
def test_active_content_is_served_inert(
    client: Client, hostile_run: str, name: str, query: dict[str, str]
) -> None:
    rows = client.items(f"runs/{hostile_run}/artifacts/")
    pk = next(row["id"] for row in rows if row["name"] == name)
    answer = client.send("GET", f"runs/{hostile_run}/artifacts/{pk}/", params=query)
    assert answer.content == ACTIVE[name]
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


STEPS = 20


@pytest.fixture(scope="module")
def cancelled(stack: Stack, client: Client, synth: str) -> str:
    """A training that was cancelled after its second checkpoint.

    It is held still until the cancel has reached its worker, so that it cannot end before.
    """
    uid = client.launch(configs.sft(f"run:{synth}/dataset", steps=STEPS, evaluation=False))
    ready = stack.state.host / "runs" / uid / "checkpoints" / "step-4" / "READY"
    wait_for(ready.exists, "the second checkpoint")
    child = stack.child(uid)
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    assert client.act(uid, "cancel")["state"] == "cancelling"
    log = stack.state.logs / "worker.log"
    wait_for(lambda: f"{uid}: stopping (cancel)" in log.read_text(encoding="utf-8"), "the stop")
    os.kill(child, signal.SIGCONT)
    run = client.finished(uid, limit_s=60)
    assert (run["state"], run["reason"]) == ("cancelled", "user")
    assert stack.child(uid) is None
    assert not Path(f"/proc/{child}").exists()
    return uid


def test_a_cancelled_training_resumes_from_its_checkpoint_to_the_end(
    stack: Stack, client: Client, cancelled: str
) -> None:
    assert client.run(cancelled)["can_resume"] is True
    before, values = client.points(cancelled, "train/loss")
    assert before == list(range(1, len(before) + 1))
    assert 4 <= len(before) < STEPS
    client.act(cancelled, "resume")
    run = client.succeeded(cancelled)
    assert [a["number"] for a in run["attempts"]] == [1, 2]
    rewinds = [e for e in files_events(stack, cancelled, 2) if e["type"] == "rewind"]
    assert [e["step"] for e in rewinds] == [len(before)]
    steps, all_values = client.points(cancelled, "train/loss")
    assert steps == list(range(1, STEPS + 1))
    assert all_values[: len(before)] == values


def test_a_run_that_has_ended_cannot_be_cancelled(client: Client, synth: str) -> None:
    answer = client.post(f"runs/{synth}/cancel/")
    assert answer.status_code == 409
    assert answer.json()["code"] == "wrong_state"


def test_retry_makes_the_same_run_again(client: Client, synth: str) -> None:
    again = client.act(synth, "retry")
    assert (again["parent"], again["parent_relation"]) == (synth, "retry")
    run = client.succeeded(again["uid"])
    first = client.run(synth)
    assert run["config_sha256"] == first["config_sha256"]
    assert run["report"]["headline"] == first["report"]["headline"]


def test_clone_makes_an_edited_run(client: Client, synth: str) -> None:
    edited = {"config": configs.synth(3, 1, seed=5), "name": "edited"}
    made = client.act(synth, "clone", edited)
    assert (made["parent"], made["parent_relation"]) == (synth, "clone")
    assert client.succeeded(made["uid"])["config_resolved"]["train"] == 3
