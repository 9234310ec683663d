"""`python -m mlcore fusion plan`: what an epoch of a mixture is made of, before training."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlcore.config.load import load_config
from mlcore.contract.conversations import conversations_entry
from mlcore.contract.reader import open_dataset
from mlcore.errors import ConfigError, DataError
from mlcore.fusion.config import FusionConfig
from mlcore.fusion.plan import EpochPlan, epoch_plan
from mlcore.fusion.table import plan_table
from mlcore.run.context import bindings_of, resolve_ref
from mlcore.run.exits import ExitCode
from mlcore.train.config import SftConfig


def main(argv: Sequence[str]) -> int:
    """Print the plan of one epoch; returns the exit code.

    Raises ConfigError for a config without a mixture, DataError for datasets that cannot give it.
    """
    options = _parser().parse_args(list(argv))
    if options.epoch < 0:
        raise ConfigError(f"--epoch counts from 0, got {options.epoch}")
    loaded = load_config(options.file)
    config = loaded.model
    if not isinstance(config, SftConfig) or not isinstance(config.data, FusionConfig):
        raise ConfigError(
            f"{options.file} has no mixture",
            hint="A mixture is a config of kind sft with `data: {type: fusion, ...}`.",
        )
    folder = options.file.resolve().parent
    sizes = sizes_of(config.data, bindings_of(options.bind), folder)
    plan = epoch_plan(config.data, sizes, options.epoch, config.seed)
    _show(plan, config, as_json=options.json)
    return ExitCode.OK


def sizes_of(config: FusionConfig, bindings: Mapping[str, Path], folder: Path) -> dict[str, int]:
    """Record counts by name, from the datasets' own manifests. Raises DataError, ConfigError."""
    sizes = {}
    for member in config.members:
        dataset = open_dataset(resolve_ref(member.dataset, bindings, folder))
        if member.conversations is not None:
            sizes[member.name] = conversations_entry(dataset, member.conversations)[1]
            continue
        dataset.split_file(member.split)
        count = dataset.manifest["splits"][member.split].get("records")
        if not isinstance(count, int):
            raise DataError(
                f"dataset.json of {dataset.name} has no number of records for {member.split!r}",
                where=str(dataset.folder),
            )
        sizes[member.name] = count
    return sizes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore fusion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    plan = commands.add_parser("plan", help="print the plan of an epoch")
    plan.add_argument("file", type=Path, help="a config of kind sft with a mixture")
    plan.add_argument("--epoch", type=int, default=0, help="counted from 0")
    plan.add_argument("--bind", action="append", default=[], metavar="REF=PATH")
    plan.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _show(plan: EpochPlan, config: SftConfig, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plan.to_json(), ensure_ascii=False))
        return
    print(plan_table(plan))
    steps = len(plan) / config.batch_size
    print(
        f"epoch {plan.epoch}: {len(plan)} samples, {steps:g} steps of {config.batch_size}; "
        f"the run's {config.steps} steps are {config.steps / steps:.2f} epochs"
    )
    print("counts are those of the datasets; a run leaves out rejected and over-long records")
