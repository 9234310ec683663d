"""From opened datasets to what the loop reads: lengths, health, order. Loads no model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from mlcore.augment.bank import paste_ops, prepare_bank
from mlcore.augment.pipeline import Augmenter
from mlcore.chat.health import check_examples
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import Conversation
from mlcore.chat.overlength import Sifted, sift
from mlcore.chat.prompts import Task
from mlcore.chat.render import Renderer
from mlcore.contract.records import Record
from mlcore.fusion.config import FusionConfig
from mlcore.models.images import read_rgb
from mlcore.train.config import SftConfig
from mlcore.train.members import Member, TrainingData
from mlcore.train.order import Draw, FusionOrder, Order, SampleOrder
from mlcore.train.source import Feed, Source

BANKS = "patch_banks"
"""folder of a run with one patch bank for each dataset that needs one"""
HEALTH_RECORDS = 4
"""records of every dataset that are looked at in every detail before the first step"""


@dataclass(frozen=True)
class Prepared:
    """Everything that is read while training, the same on every rank.

    `sifted` has, for each dataset, the records that fit and those that are too long.
    """

    data: TrainingData
    source: Source
    order: SampleOrder
    sifted: list[Sifted[Record] | Sifted[Conversation]]

    @property
    def kit(self) -> RenderKit:
        """The checkpoint's tokenizer and patch maker."""
        return self.source.feeds[0].renderer.kit


def prepare(config: SftConfig, kit: RenderKit, data: TrainingData, banks: Path) -> Prepared:
    """Leave out what is too long and fix the order of samples.

    Patch banks for copy-paste are made below `banks`, once for all ranks.

    Raises DataError when too many records are too long, or a mixture cannot give its quotas.
    """
    feeds: list[Feed] = []
    sifted: list[Sifted[Record] | Sifted[Conversation]] = []
    limit, over = config.global_max_length, config.over_length
    for member in data.members:
        feed, name = _feed(config, kit, member), member.dataset.name
        if member.talks:
            talks = sift(member.talks, feed.talk_length, limit, over, name)
            feeds.append(replace(feed, talks=talks.kept))
            sifted.append(talks)
            continue
        found = sift(feed.records, feed.length, limit, over, name)
        feed = replace(feed, records=found.kept)
        feeds.append(replace(feed, augmenter=_augmenter(config, feed, banks)))
        sifted.append(found)
    mixed = isinstance(config.data, FusionConfig)
    labels = [member.config.name for member in data.members] if mixed else []
    source = Source(feeds, labels, config.global_max_length, config.steps)
    return Prepared(data, source, _order(config, feeds), sifted)


def check_health(prepared: Prepared) -> int:
    """Look at the first samples of every dataset and task as they will be learned from; returns
    how many.

    With augmentation each record is seen as at the first and at the last step. Raises DataError
    naming dataset and record at the first thing wrong.
    """
    source = prepared.source
    looked = 0
    for place, (feed, member) in enumerate(
        zip(source.feeds, prepared.data.members, strict=True)
    ):
        steps = (0,) if feed.augmenter is None else (0, source.steps - 1)
        tasks: tuple[Task, ...] = ("chat",) if feed.talks else feed.config.modes
        examples = (
            source.sample(Draw(place, record, task, step), step).example
            for record in range(len(feed))
            for task in tasks
            for step in steps
        )
        wanted = HEALTH_RECORDS * len(tasks) * len(steps)
        kit = feed.renderer.kit
        looked += check_examples(islice(examples, wanted), kit, member.dataset.name)
    return looked


def _feed(config: SftConfig, kit: RenderKit, member: Member) -> Feed:
    return Feed(
        config=member.config,
        records=member.train,
        root=member.dataset.folder,
        renderer=Renderer(kit, config.messages_of(member.config), dataset=member.dataset.name),
        seed=config.seed,
        max_pixels=config.data.max_pixels,
    )


def _augmenter(config: SftConfig, feed: Feed, banks: Path) -> Augmenter | None:
    """The augmentation of one dataset, with its patch bank below `banks` where an op needs one."""
    augmentation = config.data.augmentation
    if augmentation is None or not feed.config.augmentation:
        return None
    if not feed.config.curriculum:
        augmentation = augmentation.model_copy(update={"curriculum": None})
    bank = None
    if paste_ops(augmentation):
        single = [record for record in feed.records if len(record.images) == 1]
        bank = prepare_bank(
            banks / feed.config.name,
            augmentation,
            single,
            lambda record: read_rgb(feed.root / record.images[0]),
            config.seed,
        )
    return Augmenter(
        augmentation, config.seed, bank, policy=feed.renderer.messages.object_order
    )


def _order(config: SftConfig, feeds: list[Feed]) -> SampleOrder:
    if isinstance(config.data, FusionConfig):
        sizes = {feed.config.name: len(feed) for feed in feeds}
        return FusionOrder(config.data, sizes, config.batch_size, config.seed)
    share = config.data.summary_share
    return Order(len(feeds[0].records), config.batch_size, share, config.seed)
