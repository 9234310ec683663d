"""`python -m mlcore predict FILE --adapter DIR | --merged DIR`: a predict config, another model.

The run is an ordinary one: its folder holds a whole config that names what answered.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlcore.config.load import LoadedConfig, load_config
from mlcore.config.yaml_text import yaml_text
from mlcore.errors import ConfigError
from mlcore.run.context import NAMED_SCHEMES, bindings_of
from mlcore.run.exits import ExitCode
from mlcore.run.runner import RunOptions, execute

_ELSEWHERE = (*NAMED_SCHEMES, "builtin:")


def main(argv: Sequence[str]) -> int:
    """Run the changed config and return the exit code. Raises ConfigError on bad input."""
    options = _parser().parse_args(list(argv))
    loaded = load_config(options.file, options.overrides)
    if loaded.kind != "predict":
        raise ConfigError(f"{options.file} is of kind {loaded.kind}, and not of kind predict")
    settings = _settings(loaded, options.file.resolve().parent)
    settings["system"] = _system(options)
    run_dir = options.run_dir
    if run_dir is None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run_dir = Path("runs") / f"{options.file.stem}-{stamp}"
        print(f"run folder: {run_dir}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / options.file.name
        config.write_text(yaml_text(settings), encoding="utf-8")
        code: ExitCode = execute(
            config, RunOptions(run_dir=run_dir, bindings=bindings_of(options.bind))
        )
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore predict", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="a predict config")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--adapter", type=Path, metavar="DIR", help="an adapter answers")
    who.add_argument("--merged", type=Path, metavar="DIR", help="a whole checkpoint answers")
    parser.add_argument(
        "--base",
        type=Path,
        metavar="DIR",
        help="the checkpoint that the adapter was made for; default: where the adapter says",
    )
    parser.add_argument("--run-dir", type=Path, help="default: runs/NAME-TIME")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides")
    parser.add_argument("--bind", action="append", default=[], metavar="REF=PATH")
    return parser


def _settings(loaded: LoadedConfig, folder: Path) -> dict[str, Any]:
    """The whole config, whose paths mean the same in another folder."""
    settings = dict(loaded.resolved)
    dataset = str(settings["dataset"])
    if not dataset.startswith(_ELSEWHERE):
        settings["dataset"] = str((folder / dataset).resolve())
    return settings


def _system(options: argparse.Namespace) -> dict[str, str]:
    if options.merged is not None:
        if options.base is not None:
            raise ConfigError("--base goes with --adapter; a merged checkpoint needs none")
        return {"type": "model", "model": str(options.merged.resolve())}
    base = options.base
    if base is None:
        from mlcore.tuning.stored import base_of

        base = base_of(options.adapter)
    adapter = str(options.adapter.resolve())
    return {"type": "adapter", "model": str(base.resolve()), "adapter": adapter}
