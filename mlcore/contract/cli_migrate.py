"""`python -m mlcore data migrate SRC OUT`: an older JSONL, or an older training config."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mlcore.contract.cli_validate import share
from mlcore.contract.migrate import SIZE_CHANGE, MigrateOptions, migrate_file
from mlcore.contract.records import COORD_SPACES
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode

CONFIGS = (".yaml", ".yml")


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser(
        "migrate",
        help="turn an older JSONL, or an older training config, into today's form",
        description="By the suffix of SRC: .yaml and .yml are configs of the ms-swift-like form, "
        "anything else is JSONL. Exit 3 where records were rejected past the share, or where "
        "something is to be filled in by a person.",
    )
    parser.add_argument("source", type=Path, help="SRC.jsonl or SRC.yaml; it is never written")
    parser.add_argument("out", type=Path, help="of the same suffix; must not exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    records = parser.add_argument_group("for JSONL")
    records.add_argument("--coord-space", choices=COORD_SPACES, help="of records that name none")
    records.add_argument("--image-root", type=Path, metavar="DIR", help="SRC's folder by default")
    records.add_argument(
        "--max-reject-share", type=share, metavar="SHARE", help="above it: exit 3; default 0"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Migrate, tell what was done, and return the exit code."""
    config = options.source.suffix in CONFIGS
    if config != (options.out.suffix in CONFIGS):
        raise ConfigError(
            f"{options.source.name} and {options.out.name} are of two kinds",
            hint="A config becomes a config (.yaml), a JSONL a JSONL.",
        )
    return _config(options) if config else _records(options)


def _records(options: argparse.Namespace) -> int:
    root = options.image_root or options.source.parent
    done = migrate_file(options.source, options.out, MigrateOptions(root, options.coord_space))
    if options.json:
        print(json.dumps(done.to_json(), ensure_ascii=False, indent=2))
    else:
        for change, count in sorted(done.changes.items()):
            if count:
                print(f"{change}: {count:,}")
        print(f"{done.lines:,} records: {done.kept:,} kept, {done.lines - done.kept:,} rejected")
    if sizes := done.changes[SIZE_CHANGE]:
        text = f"warning: {sizes} records had no size; it was read from their files"
        print(text, file=sys.stderr)
    if done.rejected:
        text = f"rejected records are in {options.out}.rejects.jsonl, each with its rule"
        print(text, file=sys.stderr)
    within = done.reject_share <= (options.max_reject_share or 0.0)
    return int(ExitCode.OK if within else ExitCode.DATA)


def _config(options: argparse.Namespace) -> int:
    # The schema of training is slow to build, and records need none of it.
    from mlcore.train.old.migrate import migrate_config

    for name in ("coord_space", "image_root", "max_reject_share"):
        if vars(options)[name] is not None:
            raise ConfigError(f"--{name.replace('_', '-')} is for a JSONL file")
    done = migrate_config(options.source, options.out)
    report = done.to_json()
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print_report(report, options.out)
    return int(ExitCode.OK if done.loads else ExitCode.DATA)


def _print_report(report: dict[str, Any], out: Path) -> None:
    for row in report["keys"]:
        value = json.dumps(row["value"], ensure_ascii=False)
        shown = value if len(value) <= 60 else f"{value[:57]}..."
        to = f" -> {', '.join(row['to'])}" if row["to"] else ""
        note = f" ({row['note']})" if row["note"] else ""
        print(f"{row['status']:<11} {row['key']}: {shown}{to}{note}")
    for row in report["set"]:
        print(f"{'set':<11} {row['key']} = {json.dumps(row['value'])} ({row['why']})")
    for row in report["fill_in"]:
        print(f"{'fill in':<11} {out}:{row['line']}: {row['key']}: {row['why']}")
    counts = ", ".join(f"{count} {status}" for status, count in report["counts"].items() if count)
    verdict = "mlcore check accepts it" if report["loads"] else "lines to fill in are named above"
    print(f"{out}: {counts}; {verdict}")
