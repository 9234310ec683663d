"""Finished Stage-B runs in a console: the real job with recorded answers, registered as a host
would. For tests of pages of verdicts and guidance."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone

from console.catalog.models import Output
from console.catalog.services import register_output
from console.reviews.models import Review, ReviewItem
from console.runs.models import Run
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.guidance.model import guidance_json
from mlcore.stage_b.job import run as judge
from mlcore.stage_b.ticket import Ticket
from tests.support.outputs import picture, upload, upload_folder
from tests.support.tickets import (
    BAD,
    BARE_FIBRE,
    FAIL,
    GOOD,
    MISSION,
    PASS,
    guidance,
    ticket,
    write_stage_a,
)

FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
Said = Mapping[str, Sequence[str]]


def some_tickets() -> tuple[list[Ticket], dict[str, list[str]]]:
    """96 tickets and what is said of each, three times: good ones pass, bare fibres pass until a
    rule says otherwise, a few votes are split, two tickets get no verdict, one label is wrong."""
    tickets = [ticket(f"good{i:02}", "pass", GOOD, GOOD) for i in range(48)]
    tickets += [ticket(f"bare{i:02}", "fail", GOOD, BARE_FIBRE) for i in range(36)]
    tickets += [ticket(f"bad{i:02}", "fail", BAD) for i in range(8)]
    tickets += [
        ticket("wrong00", "fail", GOOD),
        *(ticket(f"lost{i}", "pass", GOOD) for i in (0, 1)),
    ]
    tickets += [ticket("blocked00", "pass", GOOD)]
    said = {one.group_id: [PASS, PASS, PASS] for one in tickets}
    said |= {f"bad{i:02}": [FAIL, FAIL, FAIL] for i in range(8)}
    said |= {f"good{i:02}": [PASS, FAIL, PASS] for i in range(6)}
    said |= {"lost0": ["?", "?", "?"], "lost1": ["Verdict: 待定\nReason: 无", "?", PASS]}
    said |= {"blocked00": [FAIL, FAIL, PASS]}
    return tickets, said


@cache
def _judged(search: bool, flipped: tuple[str, ...]) -> Path:
    """The artifacts of a run, made once in a process; `flipped` are tickets that are failed."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-verdicts-"))
    tickets, said = some_tickets()
    said |= {group: [FAIL, FAIL, FAIL] for group in flipped}
    write_stage_a(folder / "stage_a.jsonl", tickets)
    entry = {MISSION: guidance_json(guidance(S1="任一图的明确缺陷优先。"))}
    (folder / "guidance.json").write_text(json.dumps(entry), encoding="utf-8")
    lines = [
        json.dumps({"name": f"{MISSION}/{group}", "draw": draw, "text": text})
        for group, texts in said.items()
        for draw, text in enumerate(texts)
    ]
    (folder / "said.jsonl").write_text("\n".join(lines), encoding="utf-8")
    place = RunFolder(folder / "run")
    context = RunContext(place, EventWriter(place.events(1)), StopSignal(), config_dir=folder)
    judge(StageBConfig.model_validate(_config(search)), context)
    return folder


def _config(search: bool, **changes: Any) -> dict[str, Any]:
    grid = [{"temperature": t} for t in (0.1, 0.4, 0.7)]
    values = {
        "kind": "stage_b",
        "mission": MISSION,
        "summaries": ["stage_a.jsonl"],
        "guidance": "guidance.json",
        "backend": {"type": "replay", "path": "said.jsonl"},
        "sampler": {"grid": grid},
        "search": {"iterations": 2, "patience": 1} if search else None,
    }
    return {**values, **changes}


def finished_run(
    project: Any,
    name: str = "judge",
    *,
    search: bool = False,
    flipped: tuple[str, ...] = (),
    days_ago: float = 0.0,
    pinned: bool = False,
    guided_by: str = "",
) -> Run:
    """A run with its verdicts, its guidance, and the summaries that it was given. `guided_by` is
    the guidance that it says it was given."""
    folder = _judged(search, flipped)
    summaries = _summaries(project, folder)
    ended = timezone.now() - timedelta(days=days_ago)
    run = Run.objects.create(
        project=project,
        kind="stage_b",
        name=name,
        state="succeeded",
        reason="ok",
        queue="cpu",
        config_text="kind: stage_b\n",
        config_filename="b.yaml",
        config_sha256="0" * 64,
        config_resolved=_config(search),
        config_provenance={},
        ended=ended,
        pinned=pinned,
        created=ended - timedelta(minutes=5),
        started=ended - timedelta(minutes=4),
        bindings=[{"ref": summaries.ref, "digest": summaries.digest, "output": summaries.pk}],
        inputs=[
            {
                "path": "summaries.0",
                "ref": summaries.ref,
                "type": "summaries",
                "digest": summaries.digest,
            },
            {"path": "guidance", "ref": guided_by, "type": "guidance", "digest": ""},
        ],
    )
    for output in ("verdicts", "guidance"):
        up = upload_folder(folder / "run" / "artifacts" / output)
        register_output(run, output, output, up.digest, up.files, {})
    return run


def _summaries(project: Any, folder: Path) -> Output:
    """Stage-A's records, with pictures of the first bare fibre beside them."""
    known = Output.objects.filter(project=project, type="summaries").first()
    if known is not None:
        return known
    up = upload(
        {
            "stage_a.jsonl": (folder / "stage_a.jsonl").read_bytes(),
            "bare00/1.jpg": picture(color="green"),
            "bare00/2.jpg": picture(color="navy"),
        }
    )
    return Output.objects.create(
        project=project,
        run_uid="seed",
        name="summaries",
        type="summaries",
        digest=up.digest,
        files=up.files,
        bytes=sum(f["size"] for f in up.files),
    )


def settle(
    project: Any, person: Any, group: str, label: str, outcome: str, **values: Any
) -> ReviewItem:
    """A decided ticket with the one review that decided it."""
    item = ReviewItem.objects.create(
        project=project,
        kind="label_suspect",
        mission=MISSION,
        ticket_key=f"{group}::{label}",
        group_id=group,
        label=label,
        state="agreed",
        claimable=False,
        outcome=outcome,
        settled=timezone.now(),
        due=timezone.now(),
        fingerprint=group,
        **{"model_verdict": label, **values},
    )
    Review.objects.create(
        item=item,
        reviewer=person,
        role="first",
        decision=outcome,
        reasons=["loose"],
        reasons_n=1,
        ticket_version=1,
    )
    return item
