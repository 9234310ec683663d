# Rows of sample data read best as one line each.
# ruff: noqa: E501
"""A review queue in the middle of a day, for the browser tests and for looking at pages: tickets of
every kind and state over the images of the seeded dataset, with people who decide them."""
from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

MISSION = "机柜安装检查"
CHECKLIST = "至少需要检测到BBU设备并且需要符合安装要求；螺丝应当拧紧；光纤应当有保护；标签应当清晰可辨"
HOURS = (0.4, 1.1, 2.3, 3.2, 5.5, 7.4)


def seed_reviews(world: Any) -> None:
    """Tickets, reviewers, a conflict, an agreed ticket, one from every kind. `world` is the
    `World` of `pages_seed`."""
    from console.accounts.audit import SYSTEM, Actor
    from console.reviews import services
    from console.reviews.models import ReviewItem
    from tests.support import people

    project = world.project
    persons = {name: people.make_member(project, "reviewer", name) for name in ("ann", "bo", "cleo")}
    lead = project.memberships.get(user__username="lena").user
    services.set_policy(SYSTEM, project, {"gold_percent": 0})
    run, output = _verdicts(world)
    services.open_items(Actor(label=f"run:{run.uid}"), project, _rows(world), source=output.digest, run=run)
    for n, item in enumerate(ReviewItem.objects.order_by("id")):
        age = timedelta(hours=HOURS[n % len(HOURS)])
        ReviewItem.objects.filter(pk=item.pk).update(created=item.created - age, due=item.due - age)
    services.write_group(Actor.of_user(lead), project, "night-shift", ["ann", "bo"])
    for key, words in (("CAB-0101::fail", ("pass", "fail")), ("CAB-0102::fail", ("fail", "fail")), ("CAB-0103::fail", ("pass", "fail"))):
        for name, decision in zip(("ann", "bo"), words, strict=True):
            _decide(project, persons[name], key, decision)
    for key in ("CAB-0104::pass", "CAB-0105::pass"):
        _decide(project, persons["cleo"], key, "fail", comment="Image 1: the screw at the lower left stands out.")


def _decide(project: Any, person: Any, key: str, decision: str, comment: str = "") -> None:
    """The person claims that ticket and decides it."""
    from console.accounts.audit import Actor
    from console.reviews import services
    from console.reviews.models import ReviewItem

    actor = Actor.of_user(person)
    item = ReviewItem.objects.get(project=project, ticket_key=key)
    ReviewItem.objects.filter(pk=item.pk).update(priority=100)
    (lease,) = services.claim(actor, project, services.Wanted(1))
    assert lease.item_id == item.pk
    said = {
        "fail": (["loose"], comment or "One screw is not fastened."),
        "pass": (["seen_elsewhere"], comment or "All screws can be seen in image 2, and they are tight."),
    }[decision]
    services.decide(actor, item.pk, services.Answer(decision, item.version, said[0], said[1], 9400))
    ReviewItem.objects.filter(pk=item.pk).update(priority=0)


def _verdicts(world: Any) -> tuple[Any, Any]:
    """A finished run of verdicts whose output says what the tickets were held against."""
    meta = {"schema": "stage_b/1", "guidance_after": {"step": 7, "experiences": {"G0": CHECKLIST}}}
    run = world.run(
        "stage_b", "cabinet-verdicts", "succeeded", 60 * 200, took=140, host="anvil",
        headline=world.headline(tickets=(240, "tickets", None), malformed=(0.0125, "share", 240), label_suspect=(0.08, "share", 240)),
    )  # fmt: skip
    output = world.fake_output(run, "verdicts", "verdicts", {"meta.json": json.dumps(meta).encode()})
    # The blobs of made-up outputs end in the run's uid; this one has to be JSON.
    from console.catalog.blobs import put_bytes

    data = json.dumps(meta).encode()
    output.files = [{"path": "meta.json", "sha256": put_bytes(data).sha256, "size": len(data)}]
    output.save()
    return run, output


def _rows(world: Any) -> list[Any]:
    from console.catalog.models import DatasetRecord
    from console.reviews.services import ItemRow

    records = list(DatasetRecord.objects.order_by("id")[:40])
    out = []
    for n in range(24):
        count = (1, 3, 4, 9, 2, 6, 14, 5)[n % 8] if n >= 5 else 4
        chosen = [records[(5 * n + k) % len(records)] for k in range(count)]
        suspect = n % 6 != 5
        label = "fail" if n in (0, 1, 2) or n % 4 == 2 else "pass"
        verdict = ("pass" if label == "fail" else "fail") if suspect else label
        kind = ("label_suspect", "label_suspect", "evidence_gap", "model_error", "label_suspect", "drift")[n % 6]
        out.append(ItemRow(
            ticket_key=f"CAB-{101 + n:04d}::{label}", kind=kind, group_id=f"CAB-{101 + n:04d}", mission=MISSION,
            images=[_image(world, record, k) for k, record in enumerate(chosen)], summaries=[_summary(r) for r in chosen],
            model_verdict=verdict, label=label, margin=0.6 if n < 3 else (1.0, 0.875, 0.8, 0.95)[n % 4], guidance_step=7,
            model_reason="图1: 螺丝未拧紧，光纤无保护。" if verdict == "fail" else "各图螺丝均拧紧，光纤有保护，标签清晰。",
            why_code={"label_suspect": "label_suspect", "evidence_gap": "pending_signal_hit", "model_error": "rollout_contradiction", "drift": "drift_sample"}[kind],
            warnings=("rollout_contradiction",) if kind == "model_error" else (),
        ))  # fmt: skip
    out.append(_reused(world, records))
    return out


def _reused(world: Any, records: list[Any]) -> Any:
    from console.reviews.services import ItemRow

    chosen, other = records[30:33], records[31]
    evidence = {"image": 2, "ticket_key": "CAB-0044::pass", "item": None, "sha256": other.image_sha, "distance": 2}
    return ItemRow(
        ticket_key="CAB-0125::pass", kind="reused_photo", group_id="CAB-0125", mission=MISSION, label="pass",
        images=[_image(world, r, k) for k, r in enumerate(chosen)], summaries=[_summary(r) for r in chosen],
        model_verdict="pass", model_reason="各图符合要求。", margin=0.95, why_code="reused_photo", evidence=[evidence],
    )


def _image(world: Any, record: Any, number: int) -> dict[str, Any]:
    found = {
        "name": f"{number + 1:02d}_{record.record_id}.jpg", "sha256": record.image_sha, "size": 0,
        "width": record.width, "height": record.height, "truth": record.objects_json,
    }
    if number % 2 == 0:
        found["prediction"] = [world.moved(o, 9) for o in record.objects_json]
    return found


def _summary(record: Any) -> str:
    said = Counter(str(o["desc"]) for o in record.objects_json)
    return "，".join(f"{desc}×{n}" for desc, n in said.most_common(4))
