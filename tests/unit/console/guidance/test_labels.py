"""Decisions become the next version of a dataset, through a snapshot and a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.models import AuditEntry
from console.catalog import blobs
from console.catalog.models import DatasetVersion, Output
from console.catalog.output_rows import objects_of
from console.catalog.outputs import resolve_ref
from console.catalog.services import register_output
from console.reviews.models import Export, ReviewItem
from console.runs.models import Run
from mlcore.contract.relabel_config import RelabelConfig
from mlcore.contract.relabel_job import run as relabel
from tests.support import people
from tests.support.datasets import run_context, write_dataset
from tests.support.outputs import FakeRun, upload_folder
from tests.support.verdict_runs import finished_run, settle

pytestmark = pytest.mark.django_db
PAGE = "/p/alpha/datasets/desk/1/labels/"
API = "/api/v1/projects/alpha/datasets/desk/versions/1/corrections/"
TICKETS = [("wrong00", "fail"), ("good00", "pass"), ("bad00", "fail"), ("bare00", "fail")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_dataset(tmp_path / "data", train=4, val=1).folder
    rows = [
        {"ticket": name, "label": label, "images": [f"r{number}"]}
        for number, (name, label) in enumerate(TICKETS)
    ]
    (made / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


@pytest.fixture
def dataset(project: Any, folder: Path) -> DatasetVersion:
    up = upload_folder(folder)
    made = register_output(
        FakeRun("made0", "desk", project), "dataset", "dataset", up.digest, up.files, {}
    )
    return made.dataset_versions.get()


@pytest.fixture
def judged(project: Any, dataset: DatasetVersion) -> Run:
    """A run that judged summaries of the dataset."""
    found = finished_run(project, guided_by="guidance:甲@7")
    Run.objects.create(
        uid="seed",
        project=project,
        kind="stage_a",
        state="succeeded",
        reason="ok",
        ended=timezone.now(),
        queue="cpu",
        config_text="kind: stage_a\n",
        config_filename="a.yaml",
        config_sha256="0" * 64,
        config_resolved={"source": {"type": "dataset", "label_key": "label"}},
        config_provenance={},
        bindings=[{"ref": dataset.ref, "digest": dataset.digest, "output": dataset.output_id}],
    )
    return found


@pytest.fixture
def decided(project: Any, reviewer: Any, judged: Run) -> ReviewItem:
    settle(project, reviewer, "good00", "pass", "pass", run=judged)
    settle(project, reviewer, "bare00", "fail", "broken", run=judged)
    settle(project, reviewer, "bad00", "fail", "pass")
    return settle(project, reviewer, "wrong00", "fail", "pass", run=judged)


def html_of(client: Any, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response.content[:400]
    return str(response.content.decode())


def worked(run: Run, folder: Path, root: Path) -> DatasetVersion:
    """Do the queued run as a worker would, and register what it made."""
    config = RelabelConfig.model_validate(run.config_resolved)
    given = root / "given"
    given.mkdir()
    for file in resolve_ref(run.project, config.decisions).files:
        (given / file["path"]).write_bytes(blobs.read_blob(file["sha256"], 1 << 20))
    context = run_context(root / "work")
    context.bindings = {config.dataset: folder, config.decisions: given}
    relabel(config, context)
    up = upload_folder(root / "work" / "artifacts" / "dataset")
    made = register_output(run, "dataset", "dataset", up.digest, up.files, {})
    return made.dataset_versions.get()


def test_a_lead_sees_what_would_change_before_it_does(
    lead: Any, project: Any, reviewer: Any, decided: ReviewItem
) -> None:
    html = html_of(people.browser(lead), PAGE)
    assert "Version 2 will differ in 2 tickets." in html
    assert "wrong00::fail" in html
    assert "good00::pass" not in html, "a decision that agrees changes nothing"
    assert "bad00::fail" not in html, "no run of this dataset asked about it"
    auditor = people.make_member(project, "auditor")
    assert "Make the next version" not in html_of(people.browser(auditor), PAGE)
    html_of(people.browser(reviewer), PAGE, 403)
    assert not Run.objects.filter(kind="relabel").exists()


def test_decisions_become_the_next_version_with_their_lineage(
    project: Any,
    lead: Any,
    dataset: DatasetVersion,
    decided: ReviewItem,
    folder: Path,
    tmp_path: Path,
) -> None:
    client = people.browser(lead)
    assert client.post(PAGE).status_code == 302
    run = Run.objects.get(kind="relabel")
    snapshot = Export.objects.get()
    assert snapshot.n == 2
    decided.refresh_from_db()
    assert (decided.state, decided.consumed_by) == ("exported", f"export:{snapshot.uid}")
    assert {i["ref"] for i in run.inputs} == {dataset.ref, run.config_resolved["decisions"]}
    version = worked(run, folder, tmp_path)
    assert (version.ref, version.fingerprint) == ("dataset:desk@2", dataset.fingerprint)
    labels = {r["ticket"]: r["label"] for r in objects_of(version.output, "tickets.jsonl")}
    assert labels == {"wrong00": "pass", "good00": "pass", "bad00": "fail"}
    (first, _) = objects_of(version.output, "corrections.jsonl")
    assert (first["item"], first["guidance"], first["run"]) == (
        decided.pk, "guidance:甲@7", decided.run.uid if decided.run else ""
    )  # fmt: skip
    old = objects_of(Output.objects.get(pk=dataset.output_id), "tickets.jsonl")
    assert {r["ticket"]: r["label"] for r in old} == dict(TICKETS), "nothing is overwritten"
    page = html_of(client, "/p/alpha/datasets/desk/")
    assert "Labels corrected by people" in page
    assert "/p/alpha/datasets/desk/?v=1" in page
    assert "desk@2" in html_of(client, f"/p/alpha/runs/{run.uid}/?tab=lineage")
    assert AuditEntry.objects.filter(action="dataset.relabel", object=dataset.ref).exists()
    run.state, run.reason, run.ended = "succeeded", "ok", timezone.now()
    run.save()
    assert client.post(PAGE).status_code == 302
    again = "/p/alpha/datasets/desk/2/labels/"
    assert "No decision differs" in html_of(client, again)
    assert Run.objects.filter(kind="relabel").count() == 1


def test_the_api_previews_and_queues_it_once(
    lead: Any, operator: Any, project: Any, reviewer: Any, api: Any, decided: ReviewItem
) -> None:
    auditor = people.make_member(project, "auditor")
    found = api(auditor).send("get", API).json()
    assert (found["decisions"], found["corrected"], found["left_out"]) == (3, 1, 1)
    assert {(row["ticket_key"], row["now"]) for row in found["items"]} == {
        ("wrong00::fail", "pass"), ("bare00::fail", None)
    }  # fmt: skip
    page = api(auditor).send("get", f"{API}?limit=1").json()
    assert len(page["items"]) == 1
    assert page["next_cursor"]
    assert api(operator).send("post", API, {}).status_code == 403
    assert api(reviewer).send("get", API).status_code == 403, "they may get its tickets blind"
    client = api(lead)
    made = client.send("post", API, {}, Idempotency_Key="once")
    assert made.status_code == 202, made.content
    assert client.send("post", API, {}, Idempotency_Key="once").json() == made.json()
    refused = client.send("post", API, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "going_on")
    assert client.send("get", API.replace("desk", "other")).status_code == 404


def test_without_a_decision_or_a_ticket_nothing_is_made(
    project: Any, lead: Any, judged: Run, api: Any, tmp_path: Path
) -> None:
    refused = api(lead).send("post", API, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_changed")
    up = upload_folder(write_dataset(tmp_path / "bare", train=1, val=1).folder)
    register_output(
        FakeRun("made1", "bare", project), "dataset", "dataset", up.digest, up.files, {}
    )
    html = html_of(people.browser(lead), "/p/alpha/datasets/bare/1/labels/")
    assert "This version has no tickets to correct" in html
    assert not Export.objects.exists()
