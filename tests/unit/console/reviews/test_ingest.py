"""From finished runs and events to the queue."""
from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from console.accounts.audit import SYSTEM
from console.catalog import blobs
from console.catalog.models import Output
from console.catalog.output_rows import UnreadableOutputError
from console.catalog.services import register_output
from console.guidance.models import CorrectedRecords
from console.reviews import ingest, operations, periodic, services
from console.reviews.models import Operation, Photo, ReviewItem
from console.runs.models import Run
from console.runs.services import LaunchRequest, launch
from mlcore.coordjson.render import render
from mlcore.coordjson.types import CoordObject
from mlcore.run.hashing import FileEntry, tree_listing
from tests.support import outputs, people
from tests.unit.console.reviews.conftest import URL
from tests.unit.console.runs.conftest import claimed, event, finish, make_host, send

pytestmark = pytest.mark.django_db


def pictured(seed: int, quality: int = 90, light: float = 1.0) -> bytes:
    """A picture that is its own; another quality or light is the same photograph again."""
    grey = np.random.default_rng(seed).integers(40, 200, (8, 9)).astype(np.uint8)
    image = Image.fromarray((grey * light).astype(np.uint8)).resize((180, 160))
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def record(group: str, label: str, names: list[str]) -> dict[str, Any]:
    said = {f"image_{n}": f"screw×{n}" for n in range(1, len(names) + 1)}
    return {
        "group_id": group, "mission": "cabinet", "label": label, "images": names,
        "per_image": said,
    }


def selection(group: str, label: str, verdict: str, strength: float, **more: Any) -> dict[str, Any]:
    result = {
        "verdict": verdict, "reason": "because", "vote_strength": strength,
        "label_match": label == verdict, "selected_candidate": 0, "guidance_step": 7,
        "reflection_change": None, "reflection_cycle": 0, "manual_review_recommended": False,
        "eligible": True, "ineligible_reason": None, "warnings": [], "conflict_flag": False,
        "needs_manual_review": False, "low_agreement": False, **more,
    }
    return {
        "group_id": group, "mission": "cabinet", "ticket_key": f"{group}::{label}",
        "gt_label": label, "epoch": 1, "epoch_step": 1, "global_step": 1, "result": result,
    }


def queued(group: str, label: str, verdict: str) -> dict[str, Any]:
    return {
        "ticket_key": f"{group}::{label}", "group_id": group, "mission": "cabinet",
        "gt_label": label, "pred_verdict": verdict, "pred_reason": "Image1: loose",
        "reason_code": "budget_exhausted", "epoch": 1, "reflection_cycle": 0, "reflection_id": "",
        "uncertainty_note": "no evidence either way",
    }


def told(
    *, doubted: list[dict[str, Any]] | None = None, chosen: list[dict[str, Any]] | None = None,
    **files: bytes,
) -> dict[str, bytes]:
    """The files of a run of verdicts that people are asked about; `files` replaces some, by the
    name before the dot."""
    doubted = doubted or []
    named = {
        "meta.json": json.dumps({"schema": "stage_b/1"}).encode(),
        "need_review_queue.jsonl": lines(doubted), "selections.jsonl": lines(chosen or []),
        "need_review.json": json.dumps({"items": doubted}).encode(),
    }
    return {name: files.get(name.partition(".")[0], data) for name, data in named.items()}


def run_with(project: Any, bindings: list[Output]) -> Run:
    run = launch(SYSTEM, project, LaunchRequest(text="kind: synth\n"))
    run.bindings = [{"ref": o.ref, "digest": o.digest, "output": o.pk} for o in bindings]
    run.save()
    return run


def made(run: Run, name: str, type_: str, files: dict[str, bytes]) -> Output:
    tree = outputs.upload(files)
    return register_output(run, name, type_, tree.digest, tree.files, None)


@pytest.fixture
def verdicts(project: Any) -> tuple[Run, Output]:
    """Four tickets: one whose label is doubted, one with a gap, one where the model wavered, one
    that is sure. Two of them show the same photograph."""
    files = {
        "tickets/QC-1/a.jpg": pictured(1), "tickets/QC-2/a.jpg": pictured(2),
        "tickets/QC-3/a.jpg": pictured(1, quality=60, light=0.95),
        "tickets/QC-4/a.jpg": pictured(4),
        "stage_a.jsonl": lines([
            record("QC-1", "pass", ["a.jpg"]), record("QC-2", "pass", ["a.jpg", "gone.jpg"]),
            record("QC-3", "fail", ["a.jpg"]), record("QC-4", "pass", ["a.jpg"]),
        ]),
    }  # fmt: skip
    summaries = made(run_with(project, []), "summaries", "summaries", files)
    run = run_with(project, [summaries])
    files = told(
        doubted=[queued("QC-1", "pass", "fail")],
        chosen=[
            selection("QC-1", "pass", "fail", 2 / 3),
            selection("QC-2", "pass", "fail", 1.0, warnings=["pending_signal_hit"]),
            selection("QC-3", "fail", "fail", 2 / 3, warnings=["rollout_contradiction"],
                      needs_manual_review=True),
            selection("QC-4", "pass", "pass", 1.0),
        ],
    )  # fmt: skip
    return run, made(run, "verdicts", "verdicts", files)


def taken_in(run: Run, output: Output) -> Operation:
    op = ingest.note_output(run, output)
    assert op is not None
    return operations.advance(op.pk, 30.0)


def test_a_ticket_that_a_later_epoch_settled_is_not_doubted_any_more(project: Any) -> None:
    files = told(
        doubted=[queued("QC-1", "pass", "fail"), queued("QC-2", "pass", "fail")],
        need_review=json.dumps({"items": [queued("QC-2", "pass", "fail")]}).encode(),
    )
    run = run_with(project, [])
    taken_in(run, made(run, "verdicts", "verdicts", files))
    assert [item.ticket_key for item in ReviewItem.objects.all()] == ["QC-2::pass"]


def test_a_runs_verdicts_open_the_tickets_that_need_a_person(
    verdicts: tuple[Run, Output], project: Any
) -> None:
    services.set_policy(SYSTEM, project, {"drift_percent": 100})
    op = taken_in(*verdicts)
    assert op.finished is not None and op.total == 4
    found = {item.ticket_key: item for item in ReviewItem.objects.exclude(kind="reused_photo")}
    assert {key: item.kind for key, item in found.items()} == {
        "QC-1::pass": "label_suspect", "QC-2::pass": "evidence_gap", "QC-3::fail": "model_error",
        "QC-4::pass": "drift",
    }
    suspect = found["QC-1::pass"]
    assert (suspect.margin, suspect.guidance_step, suspect.needed) == (2 / 3, 7, 2)
    assert (suspect.why_code, suspect.why_text) == ("budget_exhausted", "no evidence either way")
    assert suspect.summaries == ["screw×1"] and suspect.run == verdicts[0]
    assert found["QC-4::pass"].blind and found["QC-3::fail"].why_code == "rollout_contradiction"


def test_images_are_found_by_group_and_name_and_missing_ones_are_said_to_be(
    verdicts: tuple[Run, Output], ann: Any
) -> None:
    taken_in(*verdicts)
    item = ReviewItem.objects.get(ticket_key="QC-2::pass")
    first, second = item.images
    assert blobs.read_blob(first["sha256"], 10**6) == pictured(2)
    assert (second["name"], second["sha256"]) == ("gone.jpg", "")


def test_objects_of_the_linked_predict_run_come_with_the_ticket(
    project: Any, lead: Any, api: Any
) -> None:
    tree = outputs.upload({"images/1.jpg": pictured(1), "images/2.jpg": pictured(2)})
    dataset = Output.objects.create(
        project=project, name="set", type="dataset", digest=tree.digest, files=tree.files
    )
    names = ["images/1.jpg", "images/2.jpg"]
    files = {
        "stage_a.jsonl": lines([record("QC-1", "pass", names)]),
        "meta.json": b'{"model_digest": "one"}',
    }
    summaries = made(run_with(project, [dataset]), "summaries", "summaries", files)

    def predicted(text: str, model: str) -> str:
        rows = [
            {"id": str(n), "image": name, "width": 1000, "height": 500, "mode": "dense", "draw": 0,
             "text": text if n == 0 else "no JSON"}
            for n, name in enumerate(names)
        ]  # fmt: skip
        run = run_with(project, [dataset])
        meta = json.dumps({"answer": {}, "model_digest": model}).encode()
        files = {"predictions.jsonl": lines(rows), "meta.json": meta}
        made(run, "predictions", "predictions", files)
        return run.uid

    item = CoordObject("screw", "bbox_2d", (0, 0, 999, 999))
    right = predicted(render([item]), "one")
    predicted(render([item, item]), "another")
    made(run_with(project, []), "predictions", "predictions", {"predictions.jsonl": b""})
    run = run_with(project, [summaries])
    queue = told(doubted=[queued("QC-1", "pass", "fail")])
    taken_in(run, made(run, "verdicts", "verdicts", queue))
    first, second = api(lead).get(f"{URL}{ReviewItem.objects.get().pk}/").json()["images"]
    assert first["prediction"] == [{"desc": "screw", "bbox_2d": [0, 0, 999, 499]}]
    assert (second["prediction"], second["predicted_by"]) == ([], right)


def test_a_photograph_of_two_tickets_opens_one_with_the_other_beside_it(
    verdicts: tuple[Run, Output], project: Any, lead: Any, api: Any
) -> None:
    taken_in(*verdicts)
    reused = ReviewItem.objects.filter(kind="reused_photo")
    assert {item.ticket_key for item in reused} == {"QC-1::pass", "QC-3::fail"}
    item = reused.get(ticket_key="QC-1::pass")
    (entry,) = api(lead).get(f"{URL}{item.pk}/").json()["evidence"]
    assert (entry["image"], entry["ticket_key"], entry["number"]) == (1, "QC-3::fail", 2)
    assert entry["distance"] <= 4
    assert api(lead).get(entry["preview"]).headers["Content-Type"] == "image/jpeg"
    assert Photo.objects.count() == 4


def test_taking_the_same_output_in_again_changes_nothing(
    verdicts: tuple[Run, Output], project: Any
) -> None:
    first = taken_in(*verdicts)
    count = ReviewItem.objects.count()
    assert taken_in(*verdicts).pk == first.pk
    Operation.objects.all().delete()
    taken_in(*verdicts)
    assert ReviewItem.objects.count() == count


def test_confident_verdicts_are_drawn_by_the_seed_alone(
    project: Any, verdicts: tuple[Run, Output]
) -> None:
    run, _output = verdicts
    rows = [selection(f"QC-{n}", "pass", "pass", 1.0) for n in range(400)]
    sure = made(run, "more", "verdicts", told(chosen=rows))

    def drawn(seed: int) -> list[str]:
        found = ingest.sources.read_verdicts(sure, run, margin=0.8, share=0.02, seed=seed)
        return [row.ticket_key for row in found.rows]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 1 <= len(drawn(1)) <= 20


WHOLE = lines([queued("QC-9", "fail", "pass")])
FOREIGN = {
    "a line that is cut off": (
        {"need_review_queue": WHOLE + WHOLE[:60]}, "need_review_queue.jsonl:2", "cut off",
    ),
    "a key that is missing": (
        {"selections": lines([{"ticket_key": "QC-9::fail"}])}, "selections.jsonl:1",
        "group_id: Field required",
    ),
    "a key that is not known": (
        {"need_review_queue": lines([{**queued("QC-9", "fail", "pass"), "score": 1}])},
        "need_review_queue.jsonl:1", "score: Extra inputs",
    ),
    "another version": (
        {"meta": b'{"schema": "stage_b/2"}'}, "meta.json", "stage_b/2, and this console reads",
    ),
    "a list that is no list of tickets": ({"need_review": b"{}"}, "need_review.json", "items"),
}  # fmt: skip
"""what differs, the place that is named, and words of what is said of it"""


@pytest.mark.parametrize("what", FOREIGN)
def test_an_output_with_one_unreadable_line_is_refused_as_a_whole(
    project: Any, verdicts: tuple[Run, Output], what: str
) -> None:
    run, _output = verdicts
    files, place, words = FOREIGN[what]
    good = told(doubted=[queued("QC-9", "fail", "pass")], **files)
    ingest.note_output(run, made(run, "torn", "verdicts", good))
    assert operations.advance_pending() == 1
    (failure,) = ingest.failures(project)
    assert failure.run == run and failure.op.error.startswith(f"run:{run.uid}/torn cannot be read")
    assert f"{place}: " in failure.op.error and words in failure.op.error
    assert "Run the job again" in failure.op.error
    assert not ReviewItem.objects.exists()


def test_summaries_that_cannot_be_read_are_no_tickets_without_pictures(project: Any) -> None:
    torn = {"stage_a.jsonl": lines([record("QC-1", "pass", ["a.jpg"])]) + b'{"group_id": "QC-'}
    run = run_with(project, [made(run_with(project, []), "summaries", "summaries", torn)])
    found = made(run, "verdicts", "verdicts", told(doubted=[queued("QC-1", "pass", "fail")]))
    with pytest.raises(UnreadableOutputError, match=r"stage_a\.jsonl:2: the line is cut off"):
        ingest.sources.read_verdicts(found, run, margin=0.8, share=0.0, seed=0)


def test_what_could_not_be_taken_in_is_on_the_pages_until_it_is_taken_in_again(
    project: Any, verdicts: tuple[Run, Output], lead: Any
) -> None:
    run, output = verdicts
    op = ingest.note_output(run, output)
    (blob,) = [f["sha256"] for f in output.files if f["path"] == "selections.jsonl"]
    aside = blobs.path_of(blob).rename(blobs.path_of(blob).with_suffix(".aside"))
    operations.advance_pending()
    client = people.browser(lead)
    for page in ("/p/alpha/", "/p/alpha/review/queue/"):
        html = client.get(page).content.decode()
        assert "selections.jsonl: its bytes are not in the store" in html
        assert f"/p/alpha/review/take-in/{op.uid}/" in html
    aside.rename(blobs.path_of(blob))
    client.post(f"/p/alpha/review/take-in/{op.uid}/")
    operations.advance_pending()
    assert ReviewItem.objects.filter(ticket_key="QC-1::pass").exists()
    assert "not in the store" not in client.get("/p/alpha/review/queue/").content.decode()


def test_pictures_of_corrected_records_are_those_of_the_summaries(
    project: Any, verdicts: tuple[Run, Output]
) -> None:
    first, _output = verdicts
    summaries = Output.objects.get(type="summaries")
    lines_ = lines([record("QC-2", "fail", ["a.jpg"])])
    tree = outputs.upload({"stage_a.jsonl": lines_})
    corrected = Output.objects.create(
        project=project, name="summaries", type="summaries", digest=tree.digest, files=tree.files,
        bytes=len(lines_),
    )
    CorrectedRecords.objects.create(
        project=project, mission="cabinet", number=1, run_uid=first.uid, source=summaries,
        output=corrected, records=1, corrected=1, left_out=0,
    )
    again = run_with(project, [corrected])
    files = told(doubted=[queued("QC-2", "fail", "pass")])
    taken_in(again, made(again, "again", "verdicts", files))
    item = ReviewItem.objects.get(ticket_key="QC-2::fail")
    assert blobs.read_blob(item.images[0]["sha256"], 10**6) == pictured(2)


def test_a_finished_run_is_noted_and_the_tick_takes_it_in(project: Any) -> None:
    launch(SYSTEM, project, LaunchRequest(text="kind: synth\n"))
    attempt = claimed(make_host())
    tree = outputs.upload(told(doubted=[queued("QC-1", "pass", "fail")]))
    blobs.put_bytes(tree_listing([FileEntry(**file) for file in tree.files]))
    finish(attempt, 0, outputs=[{"name": "verdicts", "type": "verdicts", "digest": tree.digest}])
    periodic.tick()
    item = ReviewItem.objects.get()
    assert (item.ticket_key, item.run) == ("QC-1::pass", attempt.run)


def test_events_open_tickets_and_the_output_fills_in_what_they_lack(
    project: Any, verdicts: tuple[Run, Output]
) -> None:
    launch(SYSTEM, project, LaunchRequest(text="kind: synth\n", priority=9))
    attempt = claimed(make_host())
    send(
        attempt, event(1, "review_item", **queued("QC-1", "pass", "fail")),
        event(2, "review_item", what="is this"),
    )
    item = ReviewItem.objects.get()
    assert (item.ticket_key, item.images, item.version) == ("QC-1::pass", [], 1)
    taken_in(*verdicts)
    item.refresh_from_db()
    assert item.version == 2 and len(item.images) == 1


def test_photographs_without_content_are_not_called_alike(project: Any) -> None:
    plain = outputs.picture()
    files = {
        "QC-1/a.png": plain, "QC-2/a.png": outputs.picture(color="blue"),
        "stage_a.jsonl": lines(
            [record("QC-1", "pass", ["QC-1/a.png"]), record("QC-2", "pass", ["QC-2/a.png"])]
        ),
    }
    run = run_with(project, [made(run_with(project, []), "summaries", "summaries", files)])
    sure = told(chosen=[selection("QC-1", "pass", "pass", 1.0)])
    taken_in(run, made(run, "verdicts", "verdicts", sure))
    assert not ReviewItem.objects.filter(kind="reused_photo").exists()
