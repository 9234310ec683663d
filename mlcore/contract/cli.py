"""`python -m mlcore data ...`: validate and import datasets from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.reader import MANIFEST, open_dataset
from mlcore.contract.validate import Validation, validate_dataset, validate_file, write_rejects
from mlcore.contract.voc import import_voc
from mlcore.errors import ConfigError, GatehouseError
from mlcore.run.exits import ExitCode

SHOWN_PROBLEMS = 50


def main(argv: Sequence[str]) -> int:
    """Run a subcommand and return its exit code; faults go to stderr as sentences."""
    options = _parser().parse_args(list(argv))
    try:
        if options.command == "validate":
            return _validate(options)
        return _import(options)
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
    imported = commands.add_parser("import", help="turn foreign annotations into a dataset")
    imported.add_argument("format", choices=["voc"])
    imported.add_argument("source", type=Path)
    imported.add_argument("out", type=Path)
    imported.add_argument("--name", default="", help="the dataset's name; the folder's by default")
    imported.add_argument("--seed", type=int, default=0)
    imported.add_argument("--max-reject-share", type=_share, default=0.01, metavar="SHARE")
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


def _import(options: argparse.Namespace) -> int:
    out: Path = options.out
    if (out / MANIFEST).exists():
        raise ConfigError(f"{out} already holds a dataset", hint="Give another folder.")
    config = _import_config(options)
    manifest = import_voc(options.source, out, config)
    counts = manifest["import"]
    images, boxes = counts["images"], counts["boxes"]
    print(f"{images['kept']} of {images['seen']} images, {boxes['kept']} of {boxes['seen']} boxes")
    for split, entry in manifest["splits"].items():
        print(f"  {split}: {entry['records']} records")
    for row in (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines():
        reject = json.loads(row)
        print(f"rejected {reject['file']}:{reject['line']}: {reject['message']} [{reject['rule']}]")
    print(f"fingerprint {manifest['fingerprint']}")
    return int(ExitCode.OK)


def _import_config(options: argparse.Namespace) -> ImportConfig:
    try:
        return ImportConfig(
            kind="import",
            source=str(options.source),
            dataset_name=options.name or options.out.resolve().name,
            seed=options.seed,
            max_reject_share=options.max_reject_share,
        )
    except ValidationError as error:
        faults = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())
        raise ConfigError(faults, hint="Give another --name or --seed.") from error
