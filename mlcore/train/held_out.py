"""Loss and accuracy on held-out samples whose answers are given: what training minimises, there.

Every rank scores its share and the sums are added up over the ranks, so the figures are those of
one process. Coordinates are compared with the target that the last step has, so that evaluations
of a run can be compared with each other. Nothing is augmented and no random state changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

import torch
from torch import nn

from mlcore.chat.collate import pad_right
from mlcore.chat.prompts import Mode
from mlcore.contract.records import Record
from mlcore.distill.coach import Coach
from mlcore.distill.lessons import Taught, Untaught
from mlcore.losses.terms import Counts
from mlcore.train.accuracy import Accuracy
from mlcore.train.order import Draw
from mlcore.train.prepare import Prepared
from mlcore.train.source import Feed, Sample
from mlcore.train.step import SftStep
from mlcore.train.tally import Tally


@dataclass(frozen=True)
class Given:
    """One held-out record to be scored for one task; `member` is its dataset."""

    member: int
    feed: Feed
    record: Record
    mode: Mode

    def sample(self) -> Sample:
        """The sample as it is in its dataset."""
        made = self.feed.renderer.training_example(self.record, self.feed.root, self.mode)
        return Sample(made, Draw(self.member, 0, self.mode, 0))


def given_of(prepared: Prepared, count: int, limit: int) -> list[Given]:
    """The tasks of the first `count` held-out images of the targets, which take turns.

    A record without a summary has one task less, and what would have more than `limit` tokens is
    left out.
    """
    rows = [
        [(place, feed, record) for record in member.val]
        for place, (member, feed) in enumerate(
            zip(prepared.data.members, prepared.source.feeds, strict=True)
        )
    ]
    turns = chain.from_iterable(zip_longest(*rows))
    images = islice((one for one in turns if one is not None), count)
    return [
        Given(place, feed, record, mode)
        for place, feed, record in images
        for mode in feed.config.modes
        if (mode == "dense" or record.summary) and feed.renderer.length(record, mode) <= limit
    ]


@dataclass(frozen=True)
class HeldOut:
    """Held-out samples, the same for every evaluation of a run.

    `labels` and `typed` name datasets as `Accuracy` takes them, `micro_batch` counts samples, and
    `sigma` is the width of the coordinate target in bins.
    """

    given: Sequence[Given]
    labels: Sequence[str]
    typed: Sequence[str]
    micro_batch: int
    sigma: float

    def figures(
        self,
        step: SftStep,
        wrapped: nn.Module,
        rank: int,
        world: int,
        all_sum: Callable[[Sequence[float]], list[float]],
        coach: Coach | None = None,
    ) -> dict[str, float]:
        """`eval/loss`, `eval/token_acc` and their parts; nothing without samples. With a teacher
        its terms are parts, on the given answers.

        Every rank calls it, and each does as many forward passes as the others: an engine may
        exchange weights in them.
        """
        if not self.given:
            return {}
        mixed = self.labels if len(self.labels) > 1 else []
        tally = Tally(step.objective, len(self.labels), mixed)
        accuracy = Accuracy(self.labels, self.typed)
        lessons: Taught = Untaught() if coach is None else coach.examination()
        step.model.train(mode=False)
        with torch.no_grad():
            for part, counted in self._parts(rank, world):
                samples = [given.sample() for given in part]
                batch = pad_right([s.example for s in samples], part[0].feed.renderer.ids.pad)
                moved = batch.to(step.coord_ids.device)
                study = lessons.study(0, moved)
                out = wrapped(moved, Counts(1.0, 1.0), self.sigma, *study)
                if counted:
                    lessons.note(batch)
                    lessons.add(out.sums)
                    tally.add(samples, out.samples, step.counts(batch))
                    accuracy.add([given.member for given in part], batch, out.right)
        step.model.train()
        vectors = [
            tally.vector,
            accuracy.counts.ravel().tolist(),
            lessons.before(),
            lessons.after(),
        ]
        summed = iter(all_sum(list(chain.from_iterable(vectors))))
        takers = (tally.replace, accuracy.replace, lessons.begin, lessons.end)
        for take, vector in zip(takers, vectors, strict=True):
            take(list(islice(summed, len(vector))))
        told = tally.losses()
        told |= lessons.losses(told.get("loss"))
        ratios = {**tally.ratios(), **accuracy.ratios()}
        told |= {name: part / whole for name, (part, whole) in ratios.items() if whole}
        return {f"eval/{name}": value for name, value in told.items()}

    def _parts(self, rank: int, world: int) -> list[tuple[Sequence[Given], bool]]:
        """The micro-batches of a rank, and whether each counts: those that only keep step do
        not."""
        mine = self.given[rank::world]
        parts: list[tuple[Sequence[Given], bool]] = [
            (mine[start : start + self.micro_batch], True)
            for start in range(0, len(mine), self.micro_batch)
        ]
        longest = -(-len(self.given) // world)
        wanted = -(-longest // self.micro_batch)
        return parts + [(self.given[:1], False)] * (wanted - len(parts))
