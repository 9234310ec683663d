"""`python -m mlcore export-metrics RUN_DIR --to tensorboard|mlflow`: figures of a run elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlcore.errors import DataError
from mlcore.metrics.exporter import (
    PLACES,
    facts_of,
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
    exporter.close("finished")
    names = {name for event in told for name in event["values"]}
    points = sum(len(event["values"]) for event in told)
    print(f"{points} points of {len(names)} metrics told to {options.to}")
    return ExitCode.OK


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
