"""`python -m mlcore data migrate SRC OUT`: an older JSONL into the contract."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mlcore.contract.cli_validate import share
from mlcore.contract.migrate import SIZE_CHANGE, MigrateOptions, migrate_file
from mlcore.contract.records import COORD_SPACES
from mlcore.run.exits import ExitCode


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser("migrate", help="turn an older JSONL into the contract")
    parser.add_argument("source", type=Path, help="SRC.jsonl; it is never written")
    parser.add_argument("out", type=Path, help="OUT.jsonl; must not exist")
    parser.add_argument("--coord-space", choices=COORD_SPACES, help="of records that name none")
    parser.add_argument("--image-root", type=Path, metavar="DIR", help="SRC's folder by default")
    parser.add_argument(
        "--max-reject-share", type=share, default=0.0, metavar="SHARE", help="above it: exit 3"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Migrate, print the counts as JSON; exit 3 where more than the share was rejected."""
    root = options.image_root or options.source.parent
    done = migrate_file(options.source, options.out, MigrateOptions(root, options.coord_space))
    print(json.dumps(done.to_json(), ensure_ascii=False, indent=2))
    if sizes := done.changes[SIZE_CHANGE]:
        text = f"warning: {sizes} records had no size; it was read from their files"
        print(text, file=sys.stderr)
    if done.rejected:
        text = f"rejected records are in {options.out}.rejects.jsonl, each with its rule"
        print(text, file=sys.stderr)
    within = done.reject_share <= options.max_reject_share
    return int(ExitCode.OK if within else ExitCode.DATA)
