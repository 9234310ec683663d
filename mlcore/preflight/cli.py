"""`python -m mlcore preflight CONFIG`: what a training run looks at before its first step.

Exit codes: 0 nothing stops the run; 4 a BLOCK, or a WARN that the config does not accept; 2 and 3
where config or data are so wrong that the run would end with that code.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlcore.config.load import load_config
from mlcore.errors import ConfigError, GatehouseError
from mlcore.run.context import RunContext, bindings_of
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.train.config import SftConfig


def main(argv: list[str]) -> int:
    """Check a config and print one line for each check, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m mlcore preflight")
    parser.add_argument("file", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides")
    parser.add_argument("--bind", action="append", default=[], metavar="REF=PATH")
    parser.add_argument("--run-dir", type=Path, help="where the run would lie; for the disk check")
    parser.add_argument("--json", action="store_true", help="the verdict as it is stored")
    options = parser.parse_args(argv)
    loaded = load_config(options.file, options.overrides)
    if not isinstance(loaded.model, SftConfig):
        raise ConfigError(f"a {loaded.kind} run has no preflight; it is for sft")
    place = options.run_dir if options.run_dir and options.run_dir.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".preflight-", dir=place) as folder:
        return _run(loaded.model, Path(folder), options)


def _run(config: SftConfig, folder: Path, options: argparse.Namespace) -> int:
    # Imports torch, which a config that is wrong can do without.
    from mlcore.preflight.engine import FILE, checked

    run = RunFolder(folder)
    ctx = RunContext(
        run,
        EventWriter(run.events(1)),
        StopSignal(),
        config_dir=options.file.resolve().parent,
        bindings=bindings_of(options.bind),
    )
    failure: GatehouseError | None = None
    try:
        checked(config, ctx)
    except GatehouseError as error:
        failure = error
    finally:
        ctx.events.close()
    stored = run.artifacts / FILE
    if not stored.exists():
        assert failure is not None
        raise failure
    _show(json.loads(stored.read_text(encoding="utf-8")), as_json=options.json)
    if failure is None:
        return ExitCode.OK
    print(f"error: {failure.message}", file=sys.stderr)
    if failure.hint:
        print(f"hint: {failure.hint}", file=sys.stderr)
    return failure.exit_code


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for check in found["checks"]:
        verdict = f"{check['verdict']}, accepted" if check["accepted"] else check["verdict"]
        print(f"{verdict:8} {check['id']:13} {check['message']}")
        if check["hint"]:
            print(f"{'':22} {check['hint']}")
    for name in found["unused_overrides"]:
        print(f"note: preflight.accept names {name}, which did not warn: take it out")
    print(f"verdict: {found['verdict']}")
