"""Where figures go besides the run's own events: one reader of events for each place.

The same exporter follows a run while it works and repeats one afterwards from its folder.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, get_args

from mlcore.errors import CancelledError, GatehouseError, InterruptedRunError
from mlcore.run.events import EventWriter, read_events
from mlcore.run.exits import ExitCode

Place = Literal["tensorboard", "mlflow"]
End = Literal["finished", "failed", "stopped"]
"""how a run came to its end"""
PLACES: tuple[Place, ...] = get_args(Place)
_MODULES: dict[Place, str] = {
    "tensorboard": "mlcore.metrics.to_tensorboard",
    "mlflow": "mlcore.metrics.to_mlflow",
}

_PACKAGES: dict[Place, str] = {
    "tensorboard": "requirements-ml.txt",
    "mlflow": "requirements-mlflow.txt",
}


class ExportError(GatehouseError):
    """Figures cannot go where they should: a package is missing, or the place does not answer."""

    code: ClassVar[str] = "export"
    exit_code: ClassVar[ExitCode] = ExitCode.INFRA


@dataclass(frozen=True)
class RunFacts:
    """What a place is told of a run besides its figures.

    `params` is its resolved config by dotted key, `tags` what else names it. `folder` is the run
    folder, `target` the folder or address that figures go to; empty means where they usually go.
    `live` is a run that works now, `resuming` one that was stopped before.
    """

    name: str
    folder: Path
    params: Mapping[str, str]
    tags: Mapping[str, str]
    target: str = ""
    live: bool = False
    resuming: bool = False


class Exporter(Protocol):
    """A place for figures. Every method raises ExportError when the place does not take them."""

    def metric(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        """Figures of one step; `seconds` since 1970."""
        ...

    def rewind(self, step: int) -> None:
        """A resume: what was told of later steps is superseded."""
        ...

    def close(self, end: End) -> None:
        """Everything is told; the run is over."""
        ...


def facts_of(folder: Path, target: str = "", **changes: bool) -> RunFacts:
    """What a run folder says of its run; a file that it lacks says nothing."""
    manifest = _read(folder / "manifest.json")
    code = manifest.get("code", {})
    tags = {"gatehouse.folder": str(folder.resolve()), "gatehouse.kind": manifest.get("kind", "")}
    tags |= {"mlflow.source.git.commit": code["revision"]} if code.get("revision") else {}
    params = dict(flat(_read(folder / "config.resolved.json")))
    name = params.get("name") or folder.resolve().name
    return RunFacts(name, folder, params, tags, target, **changes)


@contextmanager
def followed(events: EventWriter, places: Sequence[Place], facts: RunFacts) -> Iterator[None]:
    """Tell these places what is told to `events` while inside. Raises ExportError at once for a
    place that cannot be told anything."""
    follower = Follower({place: open_exporter(place, facts) for place in places}, events)
    end: End = "failed"
    try:
        yield
        end = "finished"
    except (CancelledError, InterruptedRunError):
        end = "stopped"
        raise
    finally:
        follower.close(end)


def open_exporter(place: Place, facts: RunFacts) -> Exporter:
    """The exporter of a place. Raises ExportError naming what to install when it cannot be."""
    try:
        module = importlib.import_module(_MODULES[place])
    except ImportError as error:
        raise ExportError(
            f"the package {error.name} that exports to {place} is not installed",
            hint=f"Install it with: pip install -r {_PACKAGES[place]}",
        ) from error
    made: Exporter = module.open(facts)
    return made


class Follower:
    """Gives the events of a run to exporters as they are written.

    A place that fails is told of once and left out from then on: a run does not die of it.
    """

    def __init__(self, exporters: Mapping[Place, Exporter], events: EventWriter) -> None:
        self._exporters = dict(exporters)
        self._events = events
        events.listeners.append(self.take)

    def take(self, event: Mapping[str, Any]) -> None:
        """One event, just written."""
        self._each(lambda exporter: give(exporter, event))

    def close(self, end: End) -> None:
        """The run is over."""
        self._events.listeners.remove(self.take)
        self._each(lambda exporter: exporter.close(end))

    def _each(self, act: Callable[[Exporter], None]) -> None:
        for place, exporter in list(self._exporters.items()):
            try:
                act(exporter)
            except ExportError as error:
                del self._exporters[place]
                self._events.warning("export_failed", f"{place}: {error.message}")


def give(exporter: Exporter, event: Mapping[str, Any]) -> None:
    """One event to an exporter; most types are nothing to it."""
    if event["type"] == "metric":
        exporter.metric(event["step"], event["values"], seconds_of(event["time"]))
    elif event["type"] == "rewind":
        exporter.rewind(event["step"])


def seconds_of(time: str) -> float:
    """Seconds since 1970 of an event's time."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def told_metrics(folder: Path) -> list[Mapping[str, Any]]:
    """The metric events of all attempts of a run folder in order, those that a resume superseded
    left out."""
    told: list[Mapping[str, Any]] = []
    for path in _attempts(folder):
        for event in read_events(path):
            if event["type"] == "rewind":
                told = [one for one in told if one["step"] <= event["step"]]
            elif event["type"] == "metric":
                told.append(event)
    return told


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A resolved config by dotted key; lists and empty objects as they are written in JSON."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, str(value)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _attempts(folder: Path) -> Sequence[Path]:
    found = (folder / "events").glob("attempt-*.jsonl")
    return sorted(found, key=lambda path: int(path.stem.removeprefix("attempt-")))
