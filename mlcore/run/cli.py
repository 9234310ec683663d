"""`python -m mlcore rerun RUN_DIR`: a run again, and whether it comes out the same.

Exit codes: that of the run where it does not finish, 5 where a figure differs, else 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.run.context import bindings_of
from mlcore.run.rerun import rerun


def main(argv: list[str]) -> int:
    """Run again and print what is the same."""
    parser = argparse.ArgumentParser(prog="python -m mlcore rerun")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--to", type=Path, help="folder of the new run; default: RUN_DIR-rerun")
    parser.add_argument("--bind", action="append", default=[], metavar="REF=PATH",
                        help="where an input lies now; default: where it lay")  # fmt: skip
    options = parser.parse_args(argv)
    to = options.to or options.run.with_name(f"{options.run.resolve().name}-rerun")
    code, found = rerun(options.run, to, bindings_of(options.bind), say=_say)
    if found is None:
        return code
    _say(_verdict(found))
    for row in found["deviations"][:5]:
        _say(f"  step {row['step']}: {row['metric']} was {row['then']!r}, is {row['now']!r}")
    return code


def _verdict(found: Mapping[str, Any]) -> str:
    what = f"{found['compared']} figures of {found['steps']} steps"
    if not found["deviations"]:
        return f"the same: all {what}"
    many, largest = len(found["deviations"]), found["largest"]
    return f"not the same: {many} of {what} differ, by {largest:g} at most"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
