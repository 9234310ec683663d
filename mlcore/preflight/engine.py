"""All checks over a run, the stored verdict, and whether the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlcore.chat.kit import RenderKit
from mlcore.errors import GatehouseError, PreflightError
from mlcore.preflight.checks import (
    checkpoint,
    classes,
    coord_tokens,
    coordinates,
    disk,
    images,
    leakage,
    learning_rate,
    lengths,
    memory,
    round_trip,
    samples,
    splits,
)
from mlcore.preflight.config import CheckId
from mlcore.preflight.result import Preflight, Result
from mlcore.preflight.scene import Scene
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256
from mlcore.train.announce import announce
from mlcore.train.config import SftConfig
from mlcore.train.members import TrainingData, load_data
from mlcore.train.prepare import BANKS, Prepared, prepare
from mlcore.train.setup import start_folder, teacher_folder

FILE = "preflight.json"
CHECKS: tuple[tuple[CheckId, Callable[[Scene], Result]], ...] = (
    ("checkpoint", checkpoint.check),
    ("coord_tokens", coord_tokens.check),
    ("images", images.check),
    ("coordinates", coordinates.check),
    ("lengths", lengths.check),
    ("samples", samples.check),
    ("round_trip", round_trip.check),
    ("splits", splits.check),
    ("classes", classes.check),
    ("leakage", leakage.check),
    ("learning_rate", learning_rate.check),
    ("memory", memory.check),
    ("disk", disk.check),
)


def checked(config: SftConfig, ctx: RunContext) -> tuple[Path, Prepared]:
    """Open and check everything that a run needs; its start folder and its data, ready to train.

    The verdict is stored as `preflight.json` and told as an event, also where something fails.
    Raises PreflightError on a BLOCK, and on a WARN whose name the config does not accept;
    DataError where a check finds data or a checkpoint that nothing can be done with.
    """
    results: list[Result] = []
    with _told(config, ctx, results):
        with _blamed("data", results):
            data = load_data(config, ctx, rejects=ctx.folder.artifacts)
            results.append(_data(data))
        with _blamed("checkpoint", results):
            start = start_folder(config, ctx, data)
            kit = RenderKit.from_folder(start)
            teacher = teacher_folder(config, ctx)
        with _blamed("lengths", results):
            prepared = prepare(config, kit, data, ctx.folder.root / BANKS)
        announce(config, ctx, prepared)
        scene = Scene(config, prepared, start, ctx.folder.checkpoints, teacher)
        for name, check in CHECKS:
            with _blamed(name, results):
                results.append(check(scene))
    _hold(Preflight(results, config.preflight.accept), ctx)
    return start, prepared


def _data(data: TrainingData) -> Result:
    names = ", ".join(member.dataset.name for member in data.members)
    train = sum(len(member.train) for member in data.members)
    val = sum(len(member.val) for member in data.members)
    message = f"{names}: {train:,} valid records to learn from, {val:,} held out"
    return Result("data", "PASS", message, {"train": train, "val": val})


@contextmanager
def _blamed(name: CheckId, results: list[Result]) -> Iterator[None]:
    """What stops a check is its BLOCK; the error itself goes on, with its own exit code."""
    try:
        yield
    except GatehouseError as error:
        place = f" ({error.where})" if error.where else ""
        results.append(Result(name, "BLOCK", f"{error.message}{place}", {}, error.hint))
        raise


@contextmanager
def _told(config: SftConfig, ctx: RunContext, results: list[Result]) -> Iterator[None]:
    """Store and tell the verdict, whatever happens."""
    try:
        yield
    finally:
        found = Preflight(results, config.preflight.accept)
        path = ctx.folder.artifacts / FILE
        write_json(path, found.to_json())
        place = path.relative_to(ctx.folder.root).as_posix()
        size = path.stat().st_size
        ctx.events.artifact(FILE, place, file_sha256(path), size, "application/json")
        ctx.events.preflight(found.to_json())


def _hold(found: Preflight, ctx: RunContext) -> None:
    for name in found.idle:
        ctx.events.warning(
            "preflight_override", f"preflight.accept names {name}, which did not warn: take it out"
        )
    for result in found.results:
        if result.verdict == "WARN" and result.id in found.accept:
            ctx.events.warning(f"preflight_{result.id}", f"accepted: {result.message}")
    if not found.stopping:
        return
    first = found.stopping[0]
    names = ", ".join(f"{r.verdict} {r.id}" for r in found.stopping)
    more = f" (all: {names})" if len(found.stopping) > 1 else ""
    hint = first.hint
    if all(r.verdict == "WARN" for r in found.stopping):
        accept = ", ".join(r.id for r in found.stopping)
        hint = f"{hint} To train all the same, write preflight: {{accept: [{accept}]}}."
    raise PreflightError(
        f"{first.verdict} {first.id}: {first.message}{more}", hint=hint.strip(), where=first.id
    )
