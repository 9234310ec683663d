"""`python -m mlcore data ...`: validate and import datasets from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mlcore.contract import cli_import
from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import Validation, validate_dataset, validate_file, write_rejects
from mlcore.errors import GatehouseError
from mlcore.run.exits import ExitCode

SHOWN_PROBLEMS = 50


def main(argv: Sequence[str]) -> int:
    """Run a subcommand and return its exit code; faults go to stderr as sentences."""
    options = _parser().parse_args(list(argv))
    try:
        code: int = options.run(options)
        return code
    except GatehouseError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return int(error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    validate = commands.add_parser("validate", help="check a JSONL file or a dataset folder")
    validate.add_argument("path", type=Path, help="FILE.jsonl, or a folder with dataset.json")
    validate.add_argument("--json", action="store_true", help="print one JSON object")
    validate.add_argument("--max-reject-share", type=_share, default=0.0, metavar="SHARE")
    validate.add_argument("--rejects", type=Path, metavar="FILE", help="write rejected lines here")
    validate.set_defaults(run=_validate)
    cli_import.add_parser(commands)
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return value


def _validate(options: argparse.Namespace) -> int:
    path: Path = options.path
    result = validate_dataset(open_dataset(path)) if path.is_dir() else validate_file(path)
    if options.rejects is not None:
        write_rejects(options.rejects, result)
    if options.json:
        print(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        _print_result(result)
    passed = result.reject_share <= options.max_reject_share
    return int(ExitCode.OK if passed else ExitCode.DATA)


def _print_result(result: Validation) -> None:
    for problem in result.problems[:SHOWN_PROBLEMS]:
        print(
            f"{problem.file}:{problem.line}: {problem.path or 'record'}: {problem.message}"
            f" [{problem.rule}]"
        )
    if len(result.problems) > SHOWN_PROBLEMS:
        print(f"... and {len(result.problems) - SHOWN_PROBLEMS} more; --json lists all")
    print(f"{result.lines} records: {result.valid} valid, {result.rejected} rejected")
    print(f"fingerprint {result.fingerprint}")
