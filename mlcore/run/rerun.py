"""A run again, from what its folder stores, and compared figure by figure.

The same config, data and machine give the same figures, to the last bit. What differs (packages,
code, machine, content of inputs) is said before anything starts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlcore.errors import ConfigError
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from mlcore.run.manifest import code_revision, machine, package_versions
from mlcore.run.runner import RunOptions, content_digest, execute

FILE = "rerun.json"
SCHEMA = "rerun/1"
CLOCK = ("time/", "memory/")
"""metrics that depend on how busy the machine is"""
Execute = Callable[[Path, RunOptions], ExitCode]


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was. `what` is its place in the manifest."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Deviation:
    """A figure of one step that came out otherwise; None where one of the two has it not."""

    step: int
    metric: str
    then: float | None
    now: float | None


def rerun(
    run: Path,
    to: Path,
    bindings: Mapping[str, Path],
    *,
    say: Callable[[str], None],
    run_config: Execute = execute,
) -> tuple[ExitCode, dict[str, Any] | None]:
    """Do the run of the folder `run` again in the folder `to`, which must hold none.

    Returns the exit code and the comparison, which is also written as `rerun.json`; None where
    the run did not finish. Raises ConfigError when the folder does not hold what is needed.
    """
    manifest, config = _stored(run)
    places = {row["ref"]: Path(row.get("folder", row["ref"])) for row in manifest["inputs"]}
    places |= bindings
    changes = list(changes_since(manifest, places))
    for change in changes:
        say(f"differs: {change.what} was {change.then}, is {change.now}")
    if not changes:
        say("packages, code, machine and inputs are as they were")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        write_json(file, config)
        code = run_config(file, RunOptions(run_dir=to, bindings=places))
    if code != ExitCode.OK:
        return code, None
    found = {
        "schema": SCHEMA,
        "of": str(run.resolve()),
        "changes": [asdict(change) for change in changes],
        **_compared(figures(run), figures(to)),
    }
    write_json(to / FILE, found)
    return (ExitCode.OK if not found["deviations"] else ExitCode.GATE), found


def changes_since(manifest: Mapping[str, Any], places: Mapping[str, Path]) -> Iterator[Change]:
    """What is not as the manifest says. Raises ConfigError for an input that is not there."""
    now = {"versions": package_versions(), "host": machine(), "code": code_revision()}
    for part, names in (
        ("versions", sorted({*manifest["versions"], *now["versions"]})),
        ("host", ("python", "cpu", "cpus", "gpus")),
        ("code", ("revision", "dirty")),
    ):
        for name in names:
            was, found = manifest[part].get(name), now[part].get(name)
            if was is not None and was != found:
                yield Change(f"{part}.{name}", str(was), str(found))
    for row in manifest["inputs"]:
        place = places[row["ref"]]
        if not place.exists():
            raise ConfigError(
                f"the input {row['ref']} is not at {place} any more",
                hint=f"Say where it is: --bind {row['ref']}=PATH.",
            )
        digest = content_digest(place)
        if digest != row["digest"]:
            yield Change(f"inputs.{row['path']}", row["digest"], digest)


def figures(run: Path) -> dict[tuple[int, str], float]:
    """Every figure of a run by step and name, as a reader sees them: a rewind hides what it
    supersedes. What depends on the clock is left out."""
    found: dict[tuple[int, str], float] = {}
    files = run.glob("events/attempt-*.jsonl")
    for path in sorted(files, key=lambda p: int(p.stem.removeprefix("attempt-"))):
        for event in read_events(path):
            if event["type"] == "rewind":
                found = {key: v for key, v in found.items() if key[0] <= event["step"]}
            if event["type"] == "metric":
                step = int(event["step"])
                found |= {(step, k): v for k, v in event["values"].items() if not _of_the_clock(k)}
    return found


def _of_the_clock(name: str) -> bool:
    return name.startswith(CLOCK) or name.endswith(("_per_s", "/mfu"))


def _compared(
    then: Mapping[tuple[int, str], float], now: Mapping[tuple[int, str], float]
) -> dict[str, Any]:
    keys = sorted({*then, *now})
    rows = [Deviation(*k, then.get(k), now.get(k)) for k in keys if then.get(k) != now.get(k)]
    both = [abs(r.then - r.now) for r in rows if r.then is not None and r.now is not None]
    return {
        "compared": len(keys),
        "steps": len({step for step, _ in keys}),
        "deviations": [asdict(row) for row in rows],
        "largest": max(both, default=0.0),
    }


def _stored(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the resolved config of a run folder."""
    if not run.is_dir():
        raise ConfigError(f"{run} is no folder")
    folder = {name: run / name for name in ("manifest.json", "config.resolved.json")}
    missing = [name for name, path in folder.items() if not path.is_file()]
    if missing:
        raise ConfigError(
            f"{run} has no {missing[0]}", hint="Give the folder of a run that has started."
        )
    manifest, config = (json.loads(path.read_text(encoding="utf-8")) for path in folder.values())
    config.pop("sha256", None)
    return manifest, config
