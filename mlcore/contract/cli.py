"""`python -m mlcore data ...`: datasets from a terminal. Each command is a module beside this."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mlcore.contract import cli_export, cli_import, cli_migrate, cli_report, cli_validate
from mlcore.errors import GatehouseError


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
    for command in (cli_validate, cli_migrate, cli_import, cli_report, cli_export):
        command.add_parser(commands)
    return parser
