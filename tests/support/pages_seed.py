# Rows of sample data read best as one line each.
# ruff: noqa: E501
"""A project as it looks in the middle of a week: runs in every state with metrics, logs, samples,
a rendered dataset, models, gates, hosts. For the browser tests and for looking at pages.

    GATEHOUSE_STATE=DIR python -m tests.support.pages_seed
"""
from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PASSWORD = "correct horse battery"
SYNTH = """\
# A small set of rendered cabinets.
kind: synth
name: cabinets
seed: 7
train: 40
val: 12
"""
SFT = """\
kind: sft
name: {name}
seed: {seed}
model:
  type: scratch
data:
  dataset: dataset:cabinets@1
optim:
  lr: {rate}
"""


def main() -> None:
    """Fill the database of the state folder in the environment; prints what `names` gives."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.embedded")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    seed(Path(os.environ["GATEHOUSE_STATE"]) / "seed")
    sys.stdout.write(json.dumps(names()) + "\n")


def names() -> dict[str, Any]:
    """By what tests find the rows: uids of runs by name, kind and state, and a record's id."""
    from console.catalog.models import DatasetRecord
    from console.runs.models import Run

    runs = Run.objects.order_by("-id")
    return {
        "uids": {f"{run.name}/{run.kind}/{run.state}": run.uid for run in runs},
        "record": DatasetRecord.objects.order_by("pk")[3].pk,
    }


def seed(scratch: Path) -> None:
    """Everything, in the order in which it would have happened."""
    from django.utils import timezone

    from tests.support import people
    from tests.support.reviews_seed import seed_reviews

    scratch.mkdir(parents=True, exist_ok=True)
    now = timezone.now()
    root = people.make_user("root", is_superuser=True)
    project = people.make_project("cabinets")
    project.name = "Cabinet inspection"
    project.save()
    people.make_project("blood").save()
    author = people.make_member(project, "operator", "ada")
    people.make_member(project, "viewer", "vera")
    people.make_member(project, "lead", "lena")
    fresh = people.make_user("newcomer", must_change_password=True)
    fresh.memberships.create(project=project, role="viewer")
    author.display_name = "Ada Operator"
    author.save()
    world = World(project, author, now, random.Random(5), scratch)
    world.hosts()
    world.configs()
    world.dataset()
    world.chain()
    world.others()
    seed_reviews(world)
    assert root.is_superuser


class World:
    """The rows of one project, made through the services where there are some."""

    def __init__(
        self, project: Any, author: Any, now: datetime, chance: random.Random, scratch: Path
    ) -> None:
        self.project, self.author, self.now, self.chance = project, author, now, chance
        self.scratch = scratch
        self.records: list[Any] = []
        self.model_digest = ""

    def hosts(self) -> None:
        from console.fleet.models import Host, WorkerProcess
        from console.fleet.services import Greeting, hello

        kinds = ["import", "synth", "sft", "predict", "evaluate", "gate"]
        gpus = [{"index": i, "name": "NVIDIA L40S", "memory_mb": 46068} for i in range(2)]
        hello(Greeting("forge", "b1", "forge-gpu", ["gpu"], kinds, 2, "0.1.0", gpus))
        hello(Greeting("anvil", "b2", "anvil-cpu", ["cpu"], kinds, 2, "0.1.0", roots=["/data"]))
        hello(Greeting("bellows", "b3", "bellows-cpu", ["cpu"], kinds, 1, "0.1.0"))
        # Nobody beats for these hosts: they are heard from for as long as the pages are looked at.
        later = self.now + timedelta(hours=12)
        Host.objects.update(last_seen=later)
        WorkerProcess.objects.update(last_seen=later)
        old = self.now - timedelta(hours=5)
        Host.objects.filter(name="bellows").update(last_seen=old)
        Host.objects.get(name="bellows").workers.update(last_seen=old)

    def configs(self) -> None:
        from console.accounts.audit import Actor
        from console.catalog.configs import save_version

        actor = Actor.of_user(self.author)
        save_version(actor, self.project, "cabinets-small", SYNTH, "First set")
        text = SYNTH.replace("train: 40", "train: 400").replace("seed: 7", "seed: 8")
        save_version(actor, self.project, "cabinets-small", text, "Ten times as many")

    def dataset(self) -> None:
        """A synth run done for real, registered as the console would."""
        config = self.scratch / "synth.yaml"
        config.write_text(SYNTH, encoding="utf-8")
        folder = self.scratch / "synth-run"
        command = [sys.executable, "-m", "mlcore", "run", str(config), "--run-dir", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        run = self.run("synth", "cabinets", "succeeded", 60 * 50, took=9.3, host="anvil", text=SYNTH)
        report = json.loads((folder / "report.json").read_text())
        run.report, run.headline = report, report["headline"]
        run.save()
        self.register(run, folder)
        self.log(run, ["Rendering 52 scenes", "train: 40 images", "val: 12 images", "Done."])
        from console.catalog.models import DatasetRecord

        self.records = list(DatasetRecord.objects.all()[:12])

    def register(self, run: Any, folder: Path) -> None:
        from console.catalog.blobs import put_bytes
        from console.catalog.services import register_output

        made = json.loads((folder / "outputs.json").read_text())["outputs"]
        for output in made:
            for file in output["files"]:
                put_bytes((folder / "artifacts" / output["name"] / file["path"]).read_bytes())
            register_output(
                run, output["name"], output["type"], output["digest"], output["files"], run.report
            )

    def run(
        self, kind: str, name: str, state: str, age_s: float, *, took: float | None = None,
        host: str = "", reason: str = "", text: str = "", queue: str = "cpu", **fields: Any,
    ) -> Any:
        from console.catalog.configs import check_text
        from console.fleet.models import Host
        from console.runs.models import Attempt, Run

        created = self.now - timedelta(seconds=age_s)
        plain = SFT if kind == "sft" else "kind: {kind}\nname: {name}\n"
        rate = 1e-3 if "tiny" in name else 2e-3
        text = text or plain.format(kind=kind, name=name, seed=len(name), rate=rate)
        checked = check_text(text).loaded
        ended = created + timedelta(seconds=took + 1) if took is not None else None
        where = Host.objects.filter(name=host).first()
        live = state in ("queued", "running", "cancelling")
        run = Run.objects.create(
            project=self.project, kind=kind, name=name, state=state, queue=queue,
            reason=reason or ("ok" if state == "succeeded" else ""), config_text=text,
            config_filename=f"{name}.yaml", config_sha256=checked.sha256 if checked else "0" * 64,
            config_resolved=checked.resolved if checked else {},
            config_provenance=checked.provenance if checked else {},
            created_by=self.author, created=created, queued_at=created, folder_host=where,
            started=created + timedelta(seconds=1) if where else None,
            ended=None if live else ended or created + timedelta(seconds=5),
            attempt_number=1 if where else 0, **fields,
        )
        if where:
            Attempt.objects.create(
                run=run, number=1, host=where, state="running" if live else "ended",
                worker=where.workers.first().name, reason=run.reason, lease=uuid.uuid4(),
                lease_expires=self.now + timedelta(seconds=20), started=run.started,
                ended=run.ended, last_event=self.now,
                progress_from=[created.timestamp() + 5, 0],
            )
        return run

    def log(self, run: Any, lines: list[str]) -> None:
        from console.runs.models import LogChunk

        attempt = run.attempts.first()
        data = "".join(line + "\n" for line in lines).encode()
        LogChunk.objects.create(attempt=attempt, offset=0, size=len(data), data=data)
        attempt.log_size = len(data)
        attempt.save()

    def metrics(self, run: Any, steps: int) -> None:
        from console.runs.metric_store import append
        from console.runs.points import Points

        start = run.started.timestamp()
        columns: dict[str, Points] = {}
        for step in range(1, steps + 1):
            share = step / steps
            noise = self.chance.gauss(0, 1)
            values = {
                "train/loss": 5.2 * math.exp(-5 * share) + 0.31 + 0.05 * abs(noise),
                "train/lr": 2e-3 * (0.5 + 0.5 * math.cos(math.pi * share)),
                "train/grad_norm": 1.4 + 0.4 * noise + (6 if step == steps // 2 else 0),
                "train/tokens_per_s": 5400 + 220 * noise,
            }
            values |= {
                "train/loss_text": values["train/loss"] * 0.8,
                "train/loss_coord": values["train/loss"] * 1.3,
                "train/loss/day": values["train/loss"] * 0.9,
                "train/loss/night": values["train/loss"] * 1.2 + 0.1,
                "time/data_s": 0.004 + 0.001 * abs(noise), "time/forward_s": 0.05,
                "time/backward_s": 0.09 + 0.004 * noise, "time/optimizer_s": 0.02,
            }  # fmt: skip
            if step % 25 == 0:
                values["eval/loss"] = 5 * math.exp(-5 * share) + 0.42
                values["eval/parse_rate"] = min(1.0, 0.2 + 1.1 * share)
            for key, value in values.items():
                columns.setdefault(key, Points()).add(step, value, start + step)
        append(run.pk, 1, columns)

    def samples(self, run: Any, steps: list[int]) -> None:
        from console.runs.models import Sample

        attempt = run.attempts.first()
        seq = 100
        for step in steps:
            blur = 26 / (1 + step / 60)
            for record in self.records[:6]:
                seq += 1
                guess = [self.moved(o, blur) for o in record.objects_json if self.chance.random() > 0.12]
                Sample.objects.create(
                    run=run, attempt=attempt, seq=seq, step=step, name=record.record_id,
                    image_sha=record.image_sha, width=record.width, height=record.height,
                    truth=record.objects_json, prediction=guess,
                    raw=json.dumps({"objects": guess[:2]}, ensure_ascii=False),
                )

    def moved(self, entry: dict[str, Any], blur: float) -> dict[str, Any]:
        out = dict(entry)
        for kind in ("bbox_2d", "poly", "line"):
            if kind in out:
                out[kind] = [round(v + self.chance.gauss(0, blur) * 0.3) for v in out[kind]]
        return out

    def marked(self, run: Any) -> None:
        """Samples of an evaluation: what became of each object, and one answer that is refused."""
        from console.runs.models import Sample

        attempt = run.attempts.first()
        for seq, record in enumerate(self.records[:6], start=1):
            pairs = [{**o, "mark": "found"} for o in record.objects_json[1:]]
            missed = [{**o, "mark": "missed"} for o in record.objects_json[:1]]
            guess = [{**self.moved(o, 4), "confidence": 0.91} for o in pairs]
            if guess and seq % 2:
                guess.append({**guess[0], "mark": "duplicate", "confidence": 0.4})
            refused = seq == 6
            Sample.objects.create(
                run=run, attempt=attempt, seq=500 + seq, step=0, name=record.record_id,
                image_sha=record.image_sha, width=record.width, height=record.height,
                truth=[*missed, *pairs], prediction=[] if refused else guess, raw="{",
                note="unreadable at character 1: the answer ends too early" if refused else "",
            )  # fmt: skip

    def event(self, run: Any, seq: int, type_: str, **body: Any) -> None:
        from console.runs.models import RunEvent

        time = (run.started or run.created) + timedelta(seconds=seq)
        RunEvent.objects.create(
            run=run, attempt=run.attempts.first(), seq=seq, time=time, type=type_, body=body
        )

    def headline(self, **values: tuple[float, str, int | None]) -> dict[str, Any]:
        return {k: {"value": v, "unit": u, "n": n} for k, (v, u, n) in values.items()}

    def chain(self) -> None:
        """The main job: fine-tune, predict, evaluate, gate."""
        data = {"path": "dataset", "ref": "dataset:cabinets@1", "type": "dataset", "digest": "d" * 64}
        sft = self.run(
            "sft", "cabinets-tiny", "succeeded", 60 * 44, took=412, host="forge", queue="gpu",
            inputs=[data], headline=self.headline(
                loss=(0.352, "nats/token", 4100), parse_rate=(0.983, "", 120), steps=(600, "", None)
            ), manifest={"git": {"revision": "3d8d8bc1f0a2"}, "python": "3.11.7", "seed": 7},
        )  # fmt: skip
        self.metrics(sft, 600)
        self.samples(sft, [100, 300, 600])
        self.log(sft, training_log(600))
        for seq, phase in enumerate(("starting", "loading", "running", "saving", "finishing"), 1):
            self.event(sft, seq * 4, "status", phase=phase, message="")
        self.event(sft, 30, "warning", code="over_long_sample", message="1 of 40 records is longer than global_max_length and was replaced")
        model = self.fake_output(sft, "model", "model", {"model.safetensors": b"weights" * 9000, "config.json": b"{}"})
        self.model_digest = model.digest
        took = {"path": "model", "ref": "model:cabinets-tiny@1", "type": "model", "digest": model.digest}
        predict = self.run("predict", "cabinets-val", "succeeded", 60 * 36, took=96, host="forge",
                           queue="gpu", inputs=[data, took],
                           headline=self.headline(images=(120, "", 120)))
        self.fake_output(predict, "predictions", "predictions", {"predictions.jsonl": b"{}\n"})
        ref = {"path": "predictions", "ref": f"run:{predict.uid}/predictions", "type": "predictions", "digest": "p" * 64}
        evaluate = self.run("evaluate", "cabinets-val", "succeeded", 60 * 33, took=11, host="anvil",
                            inputs=[data, ref], headline=self.headline(
                                f1_50=(0.742, "", 812), ap50=(0.688, "", 812), parse_rate=(0.983, "", 120)))
        self.fake_output(evaluate, "evaluation", "evaluation", {"report.json": b"{}"})
        self.marked(evaluate)
        for passed, age in ((False, 60 * 32), (True, 60 * 20)):
            self.gate(evaluate, passed=passed, age=age)

    def gate(self, evaluate: Any, *, passed: bool, age: float) -> None:
        from console.gates.models import GateResult

        run = self.run(
            "gate", "ship-small", "succeeded" if passed else "failed", age, took=2, host="anvil",
            reason="ok" if passed else "gate",
            inputs=[{"path": "evaluation", "ref": f"run:{evaluate.uid}/evaluation", "type": "evaluation", "digest": "e" * 64}],
            error={} if passed else {"code": "gate", "message": "1 of 4 checks did not pass", "hint": "", "where": ""},
        )  # fmt: skip
        recall = 0.61 if passed else 0.52
        checks = [
            {"id": "parse", "metric": "systems.model.parse_rate", "value": 0.983, "limit": 0.95, "comparison": ">=", "n": 120, "passed": True, "reason": "", "interval": [0.941, 0.995]},
            {"id": "f1", "metric": "systems.model.f1_50", "value": 0.742, "limit": 0.6, "comparison": ">=", "n": 812, "passed": True, "reason": "", "interval": [0.711, 0.771]},
            {"id": "above-base", "metric": "deltas.base.f1_50", "value": 0.391, "limit": 0.2, "comparison": ">=", "n": 812, "passed": True, "reason": ""},
            {"id": "screw-recall", "metric": "systems.model.classes.screw.recall", "value": recall, "limit": 0.6, "comparison": ">=", "n": 214, "passed": passed,
             "reason": "" if passed else "0.52 is below the limit 0.6 on 214 objects", "interval": [recall - .06, recall + .06]},
        ]  # fmt: skip
        GateResult.objects.create(
            project=self.project, run=run, policy="ship-small" if passed else "ship-strict", passed=passed,
            evaluation_digest="e" * 64, model_digest=self.model_digest, checks=checks,
            evidence={"evaluation_digest": "e" * 64, "model_digest": self.model_digest},
        )

    def fake_output(self, run: Any, name: str, type_: str, files: dict[str, bytes]) -> Any:
        from console.catalog.blobs import put_bytes
        from console.catalog.services import register_output
        from mlcore.run.hashing import FileEntry, tree_digest

        rows = [
            {"path": path, "sha256": put_bytes(data + run.uid.encode()).sha256, "size": len(data) + len(run.uid)}
            for path, data in sorted(files.items())
        ]
        digest = tree_digest([FileEntry(**row) for row in rows])
        return register_output(run, name, type_, digest, rows, {"headline": run.headline})

    def others(self) -> None:
        """One run in every other state."""
        data = {"path": "dataset", "ref": "dataset:cabinets@1", "type": "dataset", "digest": "d" * 64}
        live = self.run(
            "sft", "cabinets-wide", "running", 60 * 7, host="forge", queue="gpu", inputs=[data],
            progress_done=214, progress_total=600, progress_unit="steps", phase="running",
            message="step 214 of 600, loss 0.98",
        )  # fmt: skip
        self.metrics(live, 214)
        self.samples(live, [50, 100, 200])
        self.log(live, training_log(214))
        self.event(live, 2, "status", phase="running", message="")
        self.run("predict", "cabinets-wide-val", "queued", 200, queue="gpu", inputs=[data])
        self.run("evaluate", "nightly", "queued", 90, queue="cpu")
        self.run("sft", "cabinets-long", "cancelling", 60 * 12, host="forge", queue="gpu",
                 inputs=[data], progress_done=31, progress_total=4000, progress_unit="steps", message="saving step 31")
        oom = self.run(
            "sft", "cabinets-1024px", "failed", 60 * 90, took=38, host="forge", reason="oom",
            queue="gpu", inputs=[data],
            error={"code": "oom", "message": "CUDA out of memory: tried to allocate 2.4 GB on device 0",
                   "hint": "", "where": "mlcore/train/loop.py:212, step 3"},
        )  # fmt: skip
        self.log(oom, [*training_log(3), "Traceback (most recent call last):", '  File "loop.py", line 212, in _step', "OutOfMemoryError: CUDA out of memory"])
        bad = "kind: synth\nname: cabinets-typo\ntrain: many\nvaal: 12\n"
        self.run("synth", "cabinets-typo", "failed", 60 * 200, took=1, host="anvil", reason="config", text=bad,
                 error={"code": "config", "message": "2 problems: train: must be an integer; vaal: unknown key, did you mean 'val'?", "hint": "", "where": "cabinets-typo.yaml:3:8"})
        self.run("sft", "cabinets-night", "interrupted", 60 * 300, took=5200, host="forge",
                 reason="interrupted", queue="gpu", inputs=[data], progress_done=1800, progress_total=4000, progress_unit="steps")
        self.run("import", "bccd", "cancelled", 60 * 400, took=14, host="anvil", reason="user")
        for n in range(60):
            self.run("synth", f"cabinets-seed-{n:02d}", "succeeded", 3600 * (10 + n), took=8 + n % 7, host="anvil",
                     headline=self.headline(images=(52, "", 52), objects=(430 + n, "", None)))


def training_log(steps: int) -> list[str]:
    lines = ["Loading model:base@1", "Loading dataset:cabinets@1: 40 train, 12 val records",
             "WARNING 1 of 40 records is longer than global_max_length and was replaced"]
    return lines + [f"step {n:>4}  loss {5.2 * math.exp(-5 * n / 600) + .35:.4f}  lr 1.9e-03  {5400 + n % 90} tok/s" for n in range(1, steps + 1)]


if __name__ == "__main__":
    main()
