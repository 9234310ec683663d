"""`python -m mlcore export-metrics RUN_DIR --to tensorboard|mlflow`: figures of a run elsewhere."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlcore.errors import DataError
from mlcore.metrics.exporter import (
    PLACES,
    RunFacts,
    flat,
    open_exporter,
    seconds_of,
    told_metrics,
)
from mlcore.run.exits import ExitCode


def main(argv: list[str]) -> int:
    """Repeat the figures of a run folder to another place; returns the exit code."""
    options = _parser().parse_args(argv)
    folder: Path = options.folder
    if not (folder / "events").is_dir():
        raise DataError(
            f"{folder} is no run folder",
            hint="A run folder has events/, config.resolved.json and manifest.json.",
            where=str(folder),
        )
    told = told_metrics(folder)
    if not told:
        raise DataError("the run told no figures over steps", where=str(folder))
    exporter = open_exporter(options.to, facts_of(folder, options.target))
    for event in told:
        exporter.metric(event["step"], event["values"], seconds_of(event["time"]))
    exporter.close()
    names = {name for event in told for name in event["values"]}
    points = sum(len(event["values"]) for event in told)
    print(f"{points} points of {len(names)} metrics told to {options.to}")
    return ExitCode.OK


def facts_of(folder: Path, target: str = "", **changes: bool) -> RunFacts:
    """What a run folder says of its run; a file that it lacks says nothing."""
    manifest = _read(folder / "manifest.json")
    code = manifest.get("code", {})
    tags = {"gatehouse.folder": str(folder.resolve()), "gatehouse.kind": manifest.get("kind", "")}
    tags |= {"mlflow.source.git.commit": code["revision"]} if code.get("revision") else {}
    params = dict(flat(_read(folder / "config.resolved.json")))
    name = params.get("name") or folder.resolve().name
    return RunFacts(name, folder, params, tags, target, **changes)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore export-metrics")
    parser.add_argument("folder", type=Path, metavar="RUN_DIR")
    parser.add_argument("--to", required=True, choices=PLACES)
    parser.add_argument(
        "--target",
        default="",
        metavar="FOLDER|ADDRESS",
        help="tensorboard: a folder, RUN_DIR/tensorboard unless given; "
        "mlflow: sqlite:///FILE or http://HOST:PORT, MLFLOW_TRACKING_URI unless given",
    )
    return parser
