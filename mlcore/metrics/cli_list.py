"""`python -m mlcore metrics`: every declared metric with its unit, reduction and direction."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from mlcore.errors import ConfigError
from mlcore.metrics.declared import METRICS, find
from mlcore.metrics.metric import Metric, UndeclaredMetricError
from mlcore.run.exits import ExitCode


def main(argv: list[str]) -> int:
    """Print the metrics, or that of a name; returns the exit code. Raises ConfigError when there
    is none of that name."""
    options = _parser().parse_args(argv)
    rows = list(METRICS) if options.name is None else [_named(options.name)]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
        return ExitCode.OK
    width = max(len(row.name) for row in rows)
    for row in rows:
        better = "" if row.direction == "none" else f", {row.direction} is better"
        print(f"{row.name:{width}}  {row.about} [{row.unit or '-'}, {row.reduction}{better}]")
    return ExitCode.OK


def _named(name: str) -> Metric:
    try:
        return find(name)
    except UndeclaredMetricError as error:
        hint = "`python -m mlcore metrics` lists them; those of training begin with train/."
        raise ConfigError(error.message, hint=hint) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore metrics")
    parser.add_argument("name", nargs="?", help="a metric as a run tells it")
    parser.add_argument("--json", action="store_true")
    return parser
