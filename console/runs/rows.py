"""Runs as pages show them: plain values with the sentences already made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.runs.control import can_resume
from console.runs.models import Run
from console.runs.states import LIVE, State
from console.web import formats, states
from console.web.figure_names import title_of
from mlcore.kinds import KINDS

LEAST_SHARE_FOR_ETA = 0.02
SPARK_WIDTH, SPARK_HEIGHT = 88.0, 22.0
TONES = {
    State.QUEUED: "live", State.RUNNING: "live", State.CANCELLING: "warn",
    State.SUCCEEDED: "ok", State.FAILED: "bad", State.CANCELLED: "quiet",
    State.INTERRUPTED: "warn",
}  # fmt: skip


def headline_list(headline: Mapping[str, Any]) -> list[dict[str, Any]]:
    """{name: {value, unit, n, ci95}} as rows; `ci95` only where the job made an interval."""
    return [
        {
            "name": title_of(name), "value": entry.get("value"),
            "unit": _unit_beside(name, entry.get("unit") or ""), "n": entry.get("n"),
            "ci95": entry.get("ci95"),
        }
        for name, entry in sorted(headline.items(), key=_rank)
        if isinstance(entry, Mapping)
    ]  # fmt: skip


def _rank(item: tuple[str, Any]) -> int:
    """The place that the job gave a figure; databases keep no order of keys."""
    entry = item[1]
    return int(entry.get("rank", 0)) if isinstance(entry, Mapping) else 0


def run_row(run: Run, waiting: str = "") -> dict[str, Any]:
    """One line of a table. `waiting` is why a queued run waits."""
    return {
        "uid": run.uid, "name": run.name, "kind": run.kind, "state": run.state,
        "reason_text": states.reason_sentence(run.reason) if run.reason else "",
        "attempt": run.attempt_number, "line": _line(run, waiting), "alive": run.state in LIVE,
        "percent": percent(run), "headline": headline_list(run.headline),
        "inputs": list(dict.fromkeys(i["ref"] for i in run.inputs))[:2],
        "host": run.folder_host.name if run.folder_host else "",
        "seconds": seconds_of(run), "created": run.created, "ended": run.ended,
    }  # fmt: skip


def percent(run: Run) -> float | None:
    """Progress from 0 to 100, None when the total is not known."""
    if run.progress_done is None or not run.progress_total:
        return None
    return min(100.0, 100 * run.progress_done / run.progress_total)


def seconds_of(run: Run) -> float | None:
    """From the first start to the end, or to now."""
    if run.started is None:
        return None
    return ((run.ended or timezone.now()) - run.started).total_seconds()


def eta_seconds(run: Run, progress_from: Sequence[float] | None) -> float | None:
    """Seconds left at the pace since the attempt's first progress event, None while unknown."""
    if run.state != State.RUNNING or not progress_from or not run.progress_total:
        return None
    began, done_then = progress_from
    done = (run.progress_done or 0) - done_then
    spent = timezone.now().timestamp() - began
    if done <= 0 or done / run.progress_total < LEAST_SHARE_FOR_ETA:
        return None
    return max(0.0, (run.progress_total - (run.progress_done or 0)) * spent / done)


def _line(run: Run, waiting: str) -> str:
    if run.state == State.QUEUED:
        return waiting or _("waits for a worker")
    if run.state in LIVE:
        return run.message or phase_word(run.phase)
    if run.state == State.FAILED:
        message = str(run.error.get("message", "")) if run.error else ""
        return message or states.reason_sentence(run.reason)
    return run.uid


def phase_word(phase: str) -> str:
    """The phase of a status event in words."""
    words = {
        "starting": _("starting"),
        "loading": _("loading"),
        "running": _("running"),
        "saving": _("saving"),
        "finishing": _("finishing"),
    }
    return words.get(phase, phase)


def sentence(run: Run, waiting: str) -> tuple[str, str, str]:
    """The state of a run as (sentence, detail, hint)."""
    took = formats.duration(seconds_of(run))
    if run.state == State.QUEUED:
        return _("Waiting in the queue."), waiting, ""
    if run.state == State.RUNNING:
        return _("Running for %(time)s.") % {"time": took}, run.message or phase_word(run.phase), ""
    if run.state == State.CANCELLING:
        return _("Cancelling: it stops at the next safe point."), run.message, ""
    if run.state == State.SUCCEEDED:
        return _("Finished in %(time)s.") % {"time": took}, "", ""
    error = run.error or {}
    hint = str(error.get("hint") or "") or states.hint_of(run.reason)
    if run.state == State.CANCELLED:
        return _("Cancelled after %(time)s.") % {"time": took}, "", states.hint_of("user")
    if run.state == State.INTERRUPTED:
        return _("Interrupted at a safe point after %(time)s.") % {"time": took}, "", hint
    what = _("Failed after %(time)s: %(reason)s.") % {
        "time": took,
        "reason": states.reason_sentence(run.reason),
    }
    return what, str(error.get("message", "")), hint


def run_head(run: Run, waiting: str, progress_from: Sequence[float] | None) -> dict[str, Any]:
    """What every tab of the run page shows above itself."""
    said, detail, hint = sentence(run, waiting)
    state = State(run.state)
    resumable = run.kind in KINDS and KINDS[run.kind].resumable
    return {
        **run_row(run, waiting),
        "title": run.name or str(states.KIND_TITLES.get(run.kind, run.kind)),
        "tone": TONES[state], "icon": states.look_of(run.state).icon,
        "sentence": said, "detail": detail, "hint": hint,
        "error_at": str((run.error or {}).get("where", "")) if state == State.FAILED else "",
        "done": run.progress_done, "total": run.progress_total, "unit": run.progress_unit,
        "eta": eta_seconds(run, progress_from), "resumable": resumable,
        "can_cancel": state in (State.QUEUED, State.RUNNING),
        "can_retry": state not in LIVE,
        "can_resume": can_resume(run) == "",
        "who": run.created_by.get_full_name() if run.created_by else _("the system"),
        "parent": run.parent.uid if run.parent else "", "queue": run.queue,
        "started": run.started, "config_sha": run.config_sha256,
        "text": run.config_text, "filename": run.config_filename,
    }  # fmt: skip


def spark(name: str, values: Sequence[float]) -> dict[str, Any] | None:
    """A line of a few values as an SVG path, None for fewer than two."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = SPARK_WIDTH / (len(values) - 1)
    points = [
        f"{index * step:.1f},{1 + (SPARK_HEIGHT - 2) * (1 - (value - low) / span):.1f}"
        for index, value in enumerate(values)
    ]
    return {"name": name, "last": values[-1], "path": "M" + "L".join(points)}


def count_line(counts: Mapping[str, int]) -> str:
    """One line about the runs of a project."""
    running = counts.get(State.RUNNING, 0) + counts.get(State.CANCELLING, 0)
    queued = counts.get(State.QUEUED, 0)
    parts = [
        ngettext("%(n)d run is running", "%(n)d runs are running", running) % {"n": running},
        ngettext("%(n)d waits", "%(n)d wait", queued) % {"n": queued},
    ]
    return ", ".join(parts)


def event_row(type_: str, time: datetime, body: Mapping[str, Any]) -> dict[str, Any]:
    """An event as one line of text."""
    text = str(body.get("message") or "")
    if type_ == "status":
        text = f"{phase_word(str(body.get('phase', '')))}" + (f": {text}" if text else "")
    elif type_ == "rewind":
        text = _("went back to step %(step)s; later points are superseded") % {
            "step": formats.count(body.get("step"))
        }
    elif type_ == "artifact":
        text = f"{body.get('name', '')} ({formats.size(body.get('size'))})"
    elif type_ == "gate":
        result = body.get("result", body)
        text = f"{result.get('policy', '')}: " + (
            _("passed") if result.get("passed") else _("not passed")
        )
    elif type_ == "stream":
        text = f"{body.get('name', '')}: {_tokens(int(body.get('tokens', 0)))}"
    elif type_ in ("error", "warning"):
        text = f"{body.get('code', '')}: {text}"
    return {"time": time, "type": type_, "text": text, "where": str(body.get("where") or "")}


def said_row(body: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The answer that is being written, as the page shows it."""
    if body is None:
        return None
    return {"name": body["name"], "text": body["text"], "tokens": _tokens(body["tokens"])}


def _tokens(count: int) -> str:
    return ngettext("%(n)d token", "%(n)d tokens", count) % {"n": count}


def _unit_beside(name: str, unit: str) -> str:
    """The unit to write beside a figure's name; none where the name says it already."""
    return "" if f"_{name}".endswith(f"_{unit}") else unit
