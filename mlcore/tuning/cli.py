"""`python -m mlcore merge BASE ADAPTER OUT`: an adapter put into the weights, proven equal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mlcore.run.exits import ExitCode


def main(arguments: Sequence[str]) -> int:
    """Merge, and say what was measured. Raises what `mlcore.tuning.merge.merge` raises."""
    parser = argparse.ArgumentParser(
        prog="python -m mlcore merge",
        description="Put an adapter into the weights of its checkpoint. The merged checkpoint "
        "appears only when its answers are proven equal.",
    )
    parser.add_argument("base", type=Path, help="the checkpoint that the adapter was made for")
    parser.add_argument("adapter", type=Path)
    parser.add_argument("out", type=Path, help="folder of the merged checkpoint; must not exist")
    formats = ("base", "float32", "bfloat16", "float16")
    parser.add_argument("--dtype", choices=formats, default="base", help="default: as the base")
    parser.add_argument(
        "--tolerance", type=float, default=1e-5, help="as a share of the largest logit"
    )
    options = parser.parse_args(arguments)
    from mlcore.tuning.merge import merge
    from mlcore.tuning.stored import UNPROVEN_WORDS

    done = merge(
        options.base,
        options.adapter,
        options.out,
        dtype=options.dtype,
        tolerance=options.tolerance,
    )
    print(f"merged into {options.out} ({done.dtype})")
    print(f"logits at {done.positions} places differ by {done.difference:.1e} of the largest one")
    print(f"saved in {done.dtype}: {done.rounding:.1e} more")
    if not done.proven:
        print(UNPROVEN_WORDS)
    return ExitCode.OK
