"""What each tab of the run page shows, read when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from console.catalog.configs import check_text
from console.catalog.models import Output
from console.catalog.queries import outputs_of_run
from console.reviews import blindness
from console.runs import charts, marks, page_reads, queries, rows
from console.runs.evaluation import evaluation_of
from console.runs.lineage import flow_of_run, ref_url
from console.runs.models import Attempt, Run, Sample
from console.runs.preflight import preflight_of
from console.runs.remedy import smaller_steps
from console.runs.states import State
from console.verdicts import run_tab
from console.web.schema_form import as_text
from mlcore.metrics import unit_of

SHOWN_FILES = 100
SHOWN_LATEST = 8
TAIL_LINES = 14
TILE_SIZE = 320
STAGE_SIZE = 640
Context = dict[str, Any]


def overview(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    series = page_reads.series(run) if not run.headline else []
    gate = getattr(run, "gate_result", None)
    return {
        "latest": [
            {"key": s.key, "value": s.last_value, "unit": unit_of(s.key)}
            for s in sorted(series, key=lambda s: "loss" not in s.key)[:SHOWN_LATEST]
        ],
        "samples": [
            sample_row(request, run, s, TILE_SIZE) for s in page_reads.latest_samples(run)
        ],
        "warnings": [
            {"time": w.time, "code": w.body.get("code", ""), "message": w.body.get("message", "")}
            for w in page_reads.warnings(run)
        ],
        "inputs": [
            {"ref": i["ref"], "url": ref_url(run.project.slug, i["ref"])} for i in run.inputs
        ],
        "outputs": _outputs(request, run),
        "attempts": [_attempt_row(a) for a in attempts],
        "said": rows.said_row(page_reads.being_said(run)),
        "tail": _tail(run, attempts), "gate": gate, "checks": gate.checks if gate else [],
        "manifest": _manifest_rows(run.manifest or {}),
        "preflight": preflight_of(run), "remedy": smaller_steps(run),
        "evaluation": evaluation_of(run),
    }  # fmt: skip


def metrics(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    series = [(s.key, s.last_value) for s in page_reads.series(run)]
    return {"sections": charts.sections(series), "has_metrics": bool(series)}


def samples(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    steps = page_reads.sample_steps(run)
    if not steps:
        return {"steps": []}
    asked = request.GET.get("step", "")
    step = int(asked) if asked.isdigit() and int(asked) in steps else steps[-1]
    place = steps.index(step)
    found = page_reads.samples_at(run, step)
    offered = marks.filters(found)
    only = request.GET.get("only", "") if offered else ""
    shown = marks.chosen(found, only)
    return {
        "steps": steps, "step": step, "filters": offered, "n_all": len(found),
        "only": only if only in {f.name for f in offered} else "",
        "previous_step": steps[place - 1] if place else None,
        "next_step": steps[place + 1] if place + 1 < len(steps) else None,
        "samples": [sample_row(request, run, s, STAGE_SIZE) for s in shown],
        "has_objects": any(s.truth or s.prediction for s in found),
    }  # fmt: skip


def log(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    numbers = [a.number for a in attempts]
    asked = request.GET.get("attempt", "")
    number = int(asked) if asked.isdigit() and int(asked) in numbers else max(numbers, default=0)
    path = reverse("runs:log", args=[run.project.slug, run.uid, number]) if number else ""
    return {
        "attempts": [_attempt_row(a) for a in attempts],
        "attempt": number,
        "log_url": path,
        "log_download": f"{path}?download",
    }


def artifacts(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    slug = run.project.slug
    return {
        "outputs": _outputs(request, run),
        "artifacts": [
            {
                "name": a.name, "media": a.media, "sha256": a.sha256, "size": a.size,
                "url": reverse("runs:artifact", args=[slug, run.uid, a.pk]),
            }
            for a in run.artifacts.all()
        ],
    }  # fmt: skip


def config(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    checked = check_text(run.config_text, run.config_filename)
    return {
        "problems": checked.problems,
        "resolved": [
            {"path": path, "value": as_text(value), "origin": _origin(run.config_provenance, path)}
            for path, value in _flat(run.config_resolved, "")
        ],
    }


def lineage(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    return {"flow": flow_of_run(run)}


def events(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    told = blindness.told_events(vars(request)["rights"], run.events.all())
    shown = page_reads.newest(told)
    return {"events": [rows.event_row(e.type, e.time, e.body) for e in shown]}


TAB_CONTEXT: Mapping[str, Callable[[HttpRequest, Run, Sequence[Attempt]], Context]] = {
    "overview": overview,
    "metrics": metrics,
    "samples": samples,
    "tickets": run_tab.tickets,
    "log": log,
    "artifacts": artifacts,
    "config": config,
    "lineage": lineage,
    "events": events,
}


def sample_row(request: HttpRequest, run: Run, sample: Sample, size: int) -> Context:
    """A sample as the overlay draws it."""
    name = blindness.without_label(vars(request)["rights"], sample.name)
    path = reverse("runs:sample-image", args=[run.project.slug, run.uid, sample.pk])
    return {
        "name": name, "step": sample.step, "width": sample.width, "height": sample.height,
        "image": f"{path}?size={size}", "raw": sample.raw, "note": sample.note,
        "parse_failed": marks.is_unreadable(sample),
        "objects": {"truth": sample.truth, "prediction": sample.prediction},
        "n_truth": len(sample.truth), "n_prediction": len(sample.prediction),
    }  # fmt: skip


def _outputs(request: HttpRequest, run: Run) -> list[Context]:
    rights = vars(request)["rights"]
    newest = _newest(outputs_of_run(run.project, run.uid))
    return [output_row(run, o, kept_back=blindness.tells(rights, o)) for o in newest]


def output_row(run: Run, output: Output, *, kept_back: bool) -> Context:
    """An output with its files and, where it became a dataset or model, the way there. Of one that
    is kept back from who judges blind, not even the names: folders are called after labels."""
    slug = run.project.slug
    url, title = "", output.name
    for dataset in output.dataset_versions.all():
        url = reverse("catalog:dataset", args=[slug, dataset.dataset.name]) + f"?v={dataset.number}"
        title = f"{dataset.dataset.name} v{dataset.number}"
    for model in output.model_versions.all():
        url = reverse("catalog:model", args=[slug, model.entry.name]) + f"?v={model.number}"
        title = f"{model.entry.name} v{model.number}"
    shown = [
        {**f, "url": reverse("runs:output-file", args=[slug, run.uid, output.name, f["path"]])}
        for f in output.files[: 0 if kept_back else SHOWN_FILES]
    ]
    return {
        "next": _next_act(run, output),
        "name": output.name, "type": output.type, "digest": output.digest, "bytes": output.bytes,
        "files": output.files, "shown": shown, "hidden": max(0, len(output.files) - SHOWN_FILES),
        "url": url, "title": title, "kept_back": kept_back,
    }  # fmt: skip


def _next_act(run: Run, output: Output) -> Context | None:
    """What people usually do with an output, and the right that it needs."""
    slug = run.project.slug
    if output.type == "guidance":
        url = reverse("guidance:promote", args=[slug, run.uid])
        return {"url": url, "word": _("Promote…"), "right": "guidance.edit"}
    kinds = {
        "summaries": ("stage_b", _("Judge these tickets")),
        "verdicts": ("gate", _("Hold against a policy")),
        "evaluation": ("gate", _("Hold against a policy")),
    }
    if output.type not in kinds:
        return None
    kind, word = kinds[output.type]
    query = urlencode({"kind": kind, output.type: output.ref})
    return {"url": f"{reverse('runs:launch', args=[slug])}?{query}", "word": word,
            "right": "runs.launch"}


def _tail(run: Run, attempts: Sequence[Attempt]) -> str:
    """The last lines of a failed run's log."""
    if run.state != State.FAILED or not attempts:
        return ""
    return queries.read_tail(attempts[-1], TAIL_LINES).data.decode("utf-8", errors="replace")


def _newest(outputs: Sequence[Output]) -> list[Output]:
    return list({output.name: output for output in outputs}.values())


def _attempt_row(attempt: Attempt) -> Context:
    state = attempt.state
    if state == "ended":
        state = {"ok": "succeeded", "user": "cancelled", "interrupted": "interrupted"}.get(
            attempt.reason, "failed"
        )
    seconds = (attempt.ended - attempt.started).total_seconds() if attempt.ended else None
    return {
        "number": attempt.number,
        "state": state,
        "seconds": seconds,
        "host": attempt.host.name if attempt.host else "",
    }


def _manifest_rows(manifest: Mapping[str, Any]) -> list[Context]:
    """The few facts of a manifest that a person looks for."""
    code, host = manifest.get("code") or {}, manifest.get("host") or {}
    facts = [
        (_("Revision"), str(code.get("revision") or "")[:12], True),
        (_("Python"), str(host.get("python") or ""), False),
        (_("Seed"), str(manifest.get("seed", "")), False),
    ]
    return [{"name": n, "value": v, "mono": m} for n, v, m in facts if v]


def _flat(value: Any, prefix: str) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        return [(prefix, value)] if prefix else []
    out: list[tuple[str, Any]] = []
    for key, item in value.items():
        out.extend(_flat(item, f"{prefix}.{key}" if prefix else str(key)))
    return out


def _origin(provenance: Mapping[str, str], path: str) -> str:
    while path and path not in provenance:
        path = path.rpartition(".")[0]
    return provenance.get(path, "default")
