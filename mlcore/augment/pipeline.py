"""The pipeline: a record and its picture in, another record and picture out.

Maps accumulate into one matrix and the picture is resampled once, at the next op that needs the
picture as it now is (resizing, cropping, expanding, pasting) or at the end. Colours come after all
geometry, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.augment import curriculum
from mlcore.augment.config import AugmentConfig
from mlcore.augment.finish import finish
from mlcore.augment.op import AffineOp, BarrierOp, ColourOp, Op
from mlcore.augment.paste import PasteOp
from mlcore.augment.scene import Bank, Pixels, Scene
from mlcore.augment.telemetry import Step, Telemetry
from mlcore.contract.records import COORD_SPACE, Record
from mlcore.errors import ConfigError, DataError
from mlcore.geometry import affine
from mlcore.geometry.order import ORDER, Policy
from mlcore.randomness import sample_rng


@dataclass(frozen=True)
class Augmented:
    """A varied sample: its record, its picture (RGB, uint8, [H, W, 3]) and what was done."""

    record: Record
    image: Pixels
    telemetry: Telemetry


class Augmenter:
    """Varies samples. What a sample becomes is a pure function of the config, the seed, the epoch,
    the record and, with a curriculum, the step: neither workers nor ranks nor order play a part.

    `patch_bank` is where copy-paste ops get patches of other pictures. `policy` and `classes` are
    the dataset's order of objects (`mlcore.geometry.order`). Raises ConfigError where an op needs a
    bank and there is none.
    """

    def __init__(
        self,
        config: AugmentConfig,
        seed: int,
        patch_bank: Bank | None = None,
        *,
        policy: Policy = ORDER,
        classes: Sequence[str] = (),
    ) -> None:
        need = [op.type for op in config.ops if isinstance(op, PasteOp) and op.needs_bank]
        if need and patch_bank is None:
            raise ConfigError(
                f"{need[0]} takes patches from a bank and there is none",
                hint="Make one with mlcore.augment.bank.prepare_bank, or set source_mode: local.",
            )
        self.config = config
        self.seed = seed
        self._settings = config.settings
        self._bank = patch_bank
        self._policy: Policy = policy
        self._classes = tuple(classes)
        self._start = (
            curriculum.start_values(config.ops, config.bypass_prob, config.curriculum)
            if config.curriculum is not None
            else None
        )
        self._at: tuple[tuple[int, int], float, tuple[Op, ...]] | None = None

    def __call__(
        self, record: Record, image: Pixels, epoch: int, step: int, total_steps: int
    ) -> Augmented:
        """One sample of an epoch. `step` of `total_steps` is the place in the curriculum; without
        one both are free. The given picture is never changed; the new one may be a view of it.

        Raises DataError for a record that is not in pixels or has several pictures, and for a
        picture that is not the record's.
        """
        _check(record, image)
        bypass_prob, ops = self.strengths(step, total_steps)
        if bypass_prob > 0 and self._draw(epoch, record.id, "bypass").random() < bypass_prob:
            return Augmented(record, image, _untouched(record))
        scene = Scene.of(record, image, self._settings, self._bank)
        steps = self._run(scene, ops, epoch, record.id)
        new, telemetry = finish(record, scene, steps, self._policy, self._classes)
        return Augmented(new, scene.image, telemetry)

    def strengths(self, step: int, total_steps: int) -> tuple[float, tuple[Op, ...]]:
        """The share of bypassed samples and the ops, as they are at a step."""
        config = self.config
        if config.curriculum is None or self._start is None:
            return config.bypass_prob, config.ops
        if self._at is None or self._at[0] != (step, total_steps):
            values = curriculum.values_at(config.curriculum, self._start, step, total_steps)
            bypass = values[curriculum.BYPASS]
            assert isinstance(bypass, float)
            ops = tuple(
                curriculum.changed(op, {k: v for (name, k), v in values.items() if name == op.type})
                for op in config.ops
            )
            self._at = ((step, total_steps), bypass, ops)
        return self._at[1], self._at[2]

    def _draw(self, epoch: int, identity: str, purpose: str) -> np.random.Generator:
        return sample_rng(self.seed, epoch, identity, f"augment/{purpose}")

    def _run(self, scene: Scene, ops: Sequence[Op], epoch: int, identity: str) -> list[Step]:
        pending = affine.identity()
        colours: list[tuple[int, ColourOp, np.random.Generator]] = []
        steps: list[Step] = []
        seen: dict[str, int] = {}
        for op in ops:
            nth = seen[op.type] = seen.get(op.type, -1) + 1
            rng = self._draw(epoch, identity, f"{op.type}/{nth}")
            if rng.random() >= op.prob:
                steps.append(Step(op.type, "prob"))
            elif isinstance(op, AffineOp):
                matrix = op.matrix(rng, scene.width, scene.height)
                pending = matrix @ pending
                steps.append(Step(op.type, detail={"matrix": np.round(matrix[:2], 6).tolist()}))
            elif isinstance(op, BarrierOp):
                scene.warp(*op.before(pending, scene.width, scene.height))
                pending = affine.identity()
                outcome = op.apply(scene, rng)
                steps.append(Step(op.type, outcome.skipped, outcome.detail))
            else:
                assert isinstance(op, ColourOp)
                colours.append((len(steps), op, rng))
                steps.append(Step(op.type))
        scene.warp(pending, scene.width, scene.height)
        for _, op, rng in colours:
            scene.image = op.recolour(scene.image, rng)
        return steps


def _check(record: Record, image: Pixels) -> None:
    if record.coord_space != COORD_SPACE:
        raise DataError(
            f"{record.id} is in {record.coord_space}, augmentation works in pixels",
            hint="Convert the record first.",
            where=record.id,
        )
    if len(record.images) != 1:
        raise DataError(
            f"{record.id} has {len(record.images)} pictures; one can be varied", where=record.id
        )
    if image.dtype != np.uint8 or image.shape != (record.height, record.width, 3):
        raise DataError(
            f"{record.id} says {record.width} x {record.height}; the picture is "
            f"{image.dtype} of shape {list(image.shape)}",
            hint="Augmentation takes RGB bytes [H, W, 3] of the record's size.",
            where=record.id,
        )


def _untouched(record: Record) -> Telemetry:
    everything = tuple(range(len(record.objects)))
    return Telemetry(
        bypassed=True,
        steps=(),
        matrix=tuple(tuple(row) for row in affine.identity().tolist()),
        width=record.width,
        height=record.height,
        padding_ratio=0.0,
        origin=everything,
        coverages=(1.0,) * len(everything),
        kept=everything,
    )
