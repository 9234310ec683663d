"""`python -m mlcore.train.rank ROOM`, as torchrun starts it: one rank of a run.

Reads the run's resolved config, so that every rank trains the same. Rank 0 is the one that
writes events, checkpoints and the model.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.run.context import RunContext
from mlcore.train.worker import Order, work_as_rank


def train_rank(order: Order, ctx: RunContext) -> Mapping[str, Any]:
    """Do this rank's share of the run; rank 0's report, nothing for the others."""
    # Imported here, so that a library that cannot be imported is an error that is reported.
    from mlcore.chat.kit import RenderKit
    from mlcore.train.config import SftConfig
    from mlcore.train.job import train
    from mlcore.train.members import load_data
    from mlcore.train.prepare import BANKS, prepare
    from mlcore.train.rank_words import heard

    raw = json.loads(ctx.folder.resolved_config.read_text(encoding="utf-8"))
    raw.pop("sha256")
    config = SftConfig.model_validate_json(json.dumps(raw))
    start = Path(order.start)
    with heard(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), ctx):
        data = load_data(config, ctx)
        prepared = prepare(config, RenderKit.from_folder(start), data, ctx.folder.root / BANKS)
        return train(config, ctx, start, prepared)


if __name__ == "__main__":
    work_as_rank(Path(sys.argv[1]), train_rank)
