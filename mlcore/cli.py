"""`python -m mlcore`: run, check, kinds and config; other commands belong to their rooms."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlcore.errors import ConfigError, GatehouseError
from mlcore.run.exits import EXITS, ExitCode

_DELEGATED = {
    "answer": "mlcore.predict.cli",
    "augment": "mlcore.augment.cli",
    "coordjson": "mlcore.coordjson.cli",
    "objectjson": "mlcore.objectjson.cli",
    "data": "mlcore.contract.cli",
    "messages": "mlcore.chat.cli",
    "fusion": "mlcore.fusion.cli",
    "merge": "mlcore.tuning.cli",
    "predict": "mlcore.predict.cli_run",
    "export-metrics": "mlcore.metrics.cli",
    "metrics": "mlcore.metrics.cli_list",
    "preflight": "mlcore.preflight.cli",
    "rerun": "mlcore.run.cli",
    "verdicts": "mlcore.stage_b.cli",
}
"""Commands whose room owns its own arguments: `main(argv) -> int`"""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, do it, and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in _DELEGATED:
            delegate: Callable[[list[str]], int] = importlib.import_module(
                _DELEGATED[arguments[0]]
            ).main
            return delegate(arguments[1:])
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        if not error.problems:
            _print_error(error)
        return error.exit_code
    except GatehouseError as error:
        _print_error(error)
        return error.exit_code


def _print_error(error: GatehouseError) -> None:
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    codes = "; ".join(f"{code.value} {EXITS[code].reason}" for code in ExitCode)
    parser = argparse.ArgumentParser(prog="python -m mlcore", epilog=f"exit codes: {codes}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run a config file"))
    check = commands.add_parser("check", help="check a config file and print every problem")
    check.add_argument("file", type=Path)
    check.set_defaults(command=_check)
    kinds = commands.add_parser("kinds", help="list the job kinds")
    kinds.add_argument("--json", action="store_true", help="with the JSON schema of each config")
    kinds.set_defaults(command=_kinds)
    _add_config(commands.add_parser("config", help="show or compare resolved configs"))
    commands.add_parser("answer", help="let a model answer one image", add_help=False)
    commands.add_parser("data", help="validate and import datasets", add_help=False)
    commands.add_parser("augment", help="look at augmented samples", add_help=False)
    commands.add_parser("coordjson", help="parse and render model output", add_help=False)
    commands.add_parser("objectjson", help="the same for object_N JSON", add_help=False)
    commands.add_parser("messages", help="show a sample as the model sees it", add_help=False)
    commands.add_parser("fusion", help="show the plan of a mixture of datasets", add_help=False)
    commands.add_parser("predict", help="a predict config with another model", add_help=False)
    commands.add_parser("merge", help="put an adapter into its checkpoint", add_help=False)
    commands.add_parser("metrics", help="what every figure over steps is", add_help=False)
    commands.add_parser("export-metrics", help="a run's figures elsewhere", add_help=False)
    commands.add_parser(
        "rerun", help="a run again, and whether it comes out the same", add_help=False
    )
    commands.add_parser("verdicts", help="reports of verdicts, two runs compared", add_help=False)
    commands.add_parser("preflight", help="check what a training run needs", add_help=False)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument("--run-dir", type=Path, help="default: runs/KIND-TIME")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides")
    parser.add_argument("--bind", action="append", default=[], metavar="REF=PATH")
    parser.add_argument("--attempt", type=int)
    parser.add_argument("--resume", action="store_true", help="continue the run in --run-dir")
    parser.add_argument("--stdin-guard", action="store_true", help="stop when stdin ends")
    parser.set_defaults(command=_run)


def _add_config(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="the resolved config, each value with its origin")
    show.add_argument("file", type=Path)
    show.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides")
    show.set_defaults(command=_config_show)
    diff = commands.add_parser("diff", help="the values in which two configs really differ")
    diff.add_argument("a", type=Path)
    diff.add_argument("b", type=Path)
    diff.set_defaults(command=_config_diff)


def _run(options: argparse.Namespace) -> int:
    from mlcore.run.context import bindings_of
    from mlcore.run.runner import RunOptions, execute

    run_dir = options.run_dir
    if run_dir is None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run_dir = Path("runs") / f"{options.file.stem}-{stamp}"
        print(f"run folder: {run_dir}", file=sys.stderr)
    return execute(
        options.file,
        RunOptions(
            run_dir=run_dir,
            overrides=options.overrides,
            bindings=bindings_of(options.bind),
            attempt=options.attempt,
            resume=options.resume,
            stdin_guard=options.stdin_guard,
        ),
    )


def _check(options: argparse.Namespace) -> int:
    from mlcore.config.load import load_config

    loaded = load_config(options.file)
    print(f"{options.file}: a valid {loaded.kind} config")
    return ExitCode.OK


def _kinds(options: argparse.Namespace) -> int:
    from mlcore.kinds import KINDS, describe

    if options.json:
        print(json.dumps([describe(name) for name in KINDS], ensure_ascii=False, indent=2))
        return ExitCode.OK
    for kind in KINDS.values():
        print(f"{kind.name:10} {kind.device:4} {kind.summary}")
    return ExitCode.OK


def _config_show(options: argparse.Namespace) -> int:
    from mlcore.config.load import load_config
    from mlcore.config.show import rows

    loaded = load_config(options.file, options.overrides)
    print(f"# sha256 {loaded.sha256}")
    for row in rows(loaded):
        print(f"{row.path}: {_text(row.value)}  # {row.origin}")
    return ExitCode.OK


def _config_diff(options: argparse.Namespace) -> int:
    from mlcore.config.load import load_config
    from mlcore.config.show import differences

    found = differences(load_config(options.a), load_config(options.b))
    for row in found:
        before, after = (
            "(no such key)" if side is None else f"{_text(side.value)} ({side.origin})"
            for side in (row.a, row.b)
        )
        print(f"{row.path}: {before} -> {after}" + ("  [runtime]" if row.runtime else ""))
    if not found:
        print("no value differs")
    return ExitCode.OK


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
