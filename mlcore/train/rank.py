"""`python -m mlcore.train.rank RUN_FOLDER START MEETING DATASETS RANK PARENT`: one more rank.

DATASETS is JSON: the folder of each dataset that the config names. Reads the run's resolved
config, so it trains exactly what rank 0 trains. Stops are rank 0's to decide: signals that reach
the whole group are ignored here, and a dead rank 0 ends this one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import torch

from mlcore.chat.kit import RenderKit
from mlcore.errors import GatehouseError, InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.train.config import DdpEngine as DdpConfig
from mlcore.train.config import SftConfig
from mlcore.train.ddp import DdpEngine
from mlcore.train.members import load_data
from mlcore.train.prepare import BANKS, prepare
from mlcore.train.setup import build_trainer


def main(arguments: list[str]) -> int:
    """Train as this rank; returns the exit code."""
    folder, start, meeting, datasets, rank_text, parent = arguments
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    rank = int(rank_text)
    config, ctx = _open(RunFolder(Path(folder)), json.loads(datasets), rank)
    assert isinstance(config.engine, DdpConfig)
    world = config.engine.processes

    def make(device: torch.device) -> DdpEngine:
        ready_file(Path(meeting), rank).touch()
        return DdpEngine(Path(meeting), rank, world, device)

    try:
        data = load_data(config, ctx)
        prepared = prepare(
            config, RenderKit.from_folder(Path(start)), data, ctx.folder.root / BANKS
        )
        trainer = build_trainer(config, Path(start), prepared, make, rank)
        trainer.run(ctx, None, data.fingerprint)
    except InterruptedRunError:
        return ExitCode.OK
    except GatehouseError as error:
        ctx.events.error(error.code, error.message, error.hint, error.where)
        return error.exit_code
    trainer.engine.barrier()
    trainer.engine.close()
    return ExitCode.OK


def ready_file(meeting: Path, rank: int) -> Path:
    """What a rank leaves when it has loaded everything and goes to meet the others."""
    return meeting.with_name(f"{meeting.name}.ready-{rank}")


def event_file(folder: RunFolder, rank: int) -> Path:
    """Where a rank says what it died of. Its readers are rank 0 and people."""
    return folder.root / "events" / f"rank-{rank}.jsonl"


def _open(
    folder: RunFolder, datasets: dict[str, str], rank: int
) -> tuple[SftConfig, RunContext]:
    raw = json.loads(folder.resolved_config.read_text(encoding="utf-8"))
    raw.pop("sha256")
    config = SftConfig.model_validate_json(json.dumps(raw))
    ctx = RunContext(
        RunFolder(folder.root),
        EventWriter(event_file(folder, rank)),
        StopSignal(),
        bindings={ref: Path(path) for ref, path in datasets.items()},
    )
    return config, ctx


def _end_with(parent: int) -> None:
    """End this process at once when rank 0 is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
