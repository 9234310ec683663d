"""Strict reading of the events that a host sends: contract 2, every problem with its pointer."""
from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from console.api.problems import ApiProblem

VERSION = 1
MAX_EVENTS = 5000
MAX_KEY = 200
MAX_PROBLEMS = 20
MAX_STREAM = 8000
"""characters of an answer that is still being written"""
_BIG = 2**53
_LARGEST = sys.float_info.max
_COMMON = frozenset({"v", "seq", "time", "type"})


class Event(NamedTuple):
    """One valid event. `time` in seconds since 1970; `body` is the event as it was sent."""

    seq: int
    time: float
    type: str
    body: dict[str, Any]


class _BadError(Exception):
    def __init__(self, member: str, detail: str) -> None:
        super().__init__(detail)
        self.member = member
        self.detail = detail


def parse_events(raw: Any) -> list[Event]:
    """The events of a batch, in order and without a gap between them.

    Raises ApiProblem 422 `invalid_event` that names what is wrong by JSON pointer.
    """
    if not isinstance(raw, list) or not raw or len(raw) > MAX_EVENTS:
        raise _problem([_row("/events", f"must be a list of 1 to {MAX_EVENTS} events")])
    events: list[Event] = []
    errors: list[dict[str, str]] = []
    expected = None
    for index, item in enumerate(raw):
        try:
            event = _event(item)
            if expected is not None and event.seq != expected:
                raise _BadError("seq", f"must be {expected}, one after the event before")
            expected = event.seq + 1
            events.append(event)
        except _BadError as error:
            where = f"/events/{index}/{error.member}" if error.member else f"/events/{index}"
            errors.append(_row(where, error.detail))
            if len(errors) == MAX_PROBLEMS:
                break
    if errors:
        raise _problem(errors)
    return events


def _event(item: Any) -> Event:
    if type(item) is not dict:
        raise _BadError("", "must be an object")
    seq = item.get("seq")
    if type(seq) is not int or not 0 < seq < _BIG:
        raise _BadError("seq", "must be a whole number from 1")
    if item.get("v") != VERSION:
        raise _BadError("v", f"must be {VERSION}")
    type_ = item.get("type")
    check = _CHECKS.get(type_) if type(type_) is str else None
    if check is None:
        raise _BadError("type", f"must be one of {', '.join(_CHECKS)}")
    check(item)
    return Event(seq, _time(item.get("time")), type_, item)


def _time(value: Any) -> float:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _BadError("time", "must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise _BadError("time", "must name its time zone")
    return moment.timestamp()


def _metric(item: dict[str, Any]) -> None:
    # The hottest check of the console: nearly every event is a metric, so nothing is called here.
    step, values = item.get("step"), item.get("values")
    if type(step) is not int or not -1 <= step < _BIG:
        _step(item)
    if type(values) is not dict or not values:
        raise _BadError("values", "must be an object of numbers, not empty")
    for key, value in values.items():
        kind = type(value)
        if (kind is not float and kind is not int) or not -_LARGEST <= value <= _LARGEST:
            raise _BadError(f"values/{_escaped(key)}", "must be a finite number")
        if not 0 < len(key) <= MAX_KEY:
            raise _BadError("values", f"a name has 1 to {MAX_KEY} characters")
    if len(item) == _PLAIN_METRIC:
        # step, values and what every event has were all found, so there is nothing else.
        return
    if "epoch" in item:
        _number(item, "epoch")
    _only(item, _METRIC)


def _progress(item: dict[str, Any]) -> None:
    _number(item, "done")
    if item.get("total") is not None:
        _number(item, "total")
    _text(item, "unit", 32)
    _only(item, _PROGRESS)


def _status(item: dict[str, Any]) -> None:
    _text(item, "phase", 32)
    _text(item, "message", required=False)
    _only(item, _STATUS)


def _rewind(item: dict[str, Any]) -> None:
    _step(item)
    _only(item, _REWIND)


def _artifact(item: dict[str, Any]) -> None:
    _text(item, "name", 200)
    _text(item, "path", 400)
    _sha256(item, "")
    _size(item, "", "size")
    _text(item, "media", 100)
    _only(item, _ARTIFACT)


def _sample(item: dict[str, Any]) -> None:
    _step(item)
    _text(item, "name", 200)
    image = item.get("image")
    if type(image) is not dict:
        raise _BadError("image", "must be an object")
    _sha256(image, "image/")
    for name in ("size", "width", "height"):
        _size(image, "image/", name)
    for name in ("truth", "prediction"):
        rows = item.get(name)
        if type(rows) is not list or not all(type(row) is dict for row in rows):
            raise _BadError(name, "must be a list of objects")
    _text(item, "raw")
    _text(item, "note", required=False)
    _only(item, _SAMPLE)


def _stream(item: dict[str, Any]) -> None:
    _text(item, "name", 200)
    _text(item, "text")
    if len(item["text"]) > MAX_STREAM:
        raise _BadError("text", f"must have at most {MAX_STREAM} characters")
    _size(item, "", "tokens")
    _only(item, _STREAM)


def _gate(item: dict[str, Any]) -> None:
    if type(item.get("result")) is not dict:
        raise _BadError("result", "must be an object")
    _only(item, _GATE)


def _preflight(item: dict[str, Any]) -> None:
    result = item.get("result")
    if type(result) is not dict:
        raise _BadError("result", "must be an object")
    if type(result.get("verdict")) is not str:
        raise _BadError("result/verdict", "must be a text")
    checks = result.get("checks")
    if type(checks) is not list or not all(type(check) is dict for check in checks):
        raise _BadError("result/checks", "must be a list of objects")
    _only(item, _GATE)


def _warning(item: dict[str, Any]) -> None:
    _text(item, "code", 64)
    _text(item, "message")


def _error(item: dict[str, Any]) -> None:
    _text(item, "code", 64)
    _text(item, "message")
    _text(item, "hint", required=False)
    _text(item, "where", required=False)
    _only(item, _ERROR)


def _review_item(item: dict[str, Any]) -> None:
    if len(item) <= len(_COMMON):
        raise _BadError("", "must say what is to be reviewed")


_PLAIN_METRIC = len(_COMMON) + 2
_METRIC = _COMMON | {"step", "values", "epoch"}
_PROGRESS = _COMMON | {"done", "total", "unit"}
_STATUS = _COMMON | {"phase", "message"}
_REWIND = _COMMON | {"step"}
_ARTIFACT = _COMMON | {"name", "path", "sha256", "size", "media"}
_SAMPLE = _COMMON | {"name", "step", "image", "truth", "prediction", "raw", "note"}
_STREAM = _COMMON | {"name", "text", "tokens"}
_GATE = _COMMON | {"result"}
_ERROR = _COMMON | {"code", "message", "hint", "where"}
_CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "status": _status,
    "progress": _progress,
    "metric": _metric,
    "rewind": _rewind,
    "artifact": _artifact,
    "sample": _sample,
    "stream": _stream,
    "review_item": _review_item,
    "gate": _gate,
    "preflight": _preflight,
    "warning": _warning,
    "error": _error,
}


def _only(item: dict[str, Any], known: frozenset[str]) -> None:
    if not item.keys() <= known:
        name = min(item.keys() - known)
        raise _BadError(_escaped(name), f"is no member of an event of type {item['type']}")


def _step(item: dict[str, Any]) -> None:
    step = item.get("step")
    if type(step) is not int or not -1 <= step < _BIG:
        raise _BadError("step", "must be a whole number from -1")


def _number(item: dict[str, Any], name: str) -> None:
    value = item.get(name)
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise _BadError(name, "must be a finite number")


def _text(
    item: dict[str, Any], name: str, most: int | None = None, *, required: bool = True
) -> None:
    value = item.get(name)
    if value is None and not required:
        return
    if type(value) is not str or (most is not None and not 0 < len(value) <= most):
        limit = f" of 1 to {most} characters" if most is not None else ""
        raise _BadError(name, f"must be a text{limit}")


def _size(item: Mapping[str, Any], prefix: str, name: str) -> None:
    value = item.get(name)
    if type(value) is not int or not 0 <= value < _BIG:
        raise _BadError(prefix + name, "must be a whole number, not negative")


def _sha256(item: Mapping[str, Any], prefix: str) -> None:
    value = item.get("sha256")
    if type(value) is not str or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise _BadError(prefix + "sha256", "must be 64 small hex digits")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _row(where: str, detail: str) -> dict[str, str]:
    return {"pointer": where, "detail": detail}


def _problem(errors: Sequence[Mapping[str, str]]) -> ApiProblem:
    first = errors[0]
    return ApiProblem(
        422, "invalid_event", f"{first['pointer']}: {first['detail']}", errors=errors
    )
