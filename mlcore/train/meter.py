"""What a step cost and how right it was, summed over ranks in one vector."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch
from mlcore.train.accuracy import Accuracy
from mlcore.train.config import SftConfig
from mlcore.train.flops import Shape, peak_of
from mlcore.train.source import Sample
from mlcore.train.telemetry import Ratio

SUMS = ("tokens", "places", "supervised", "flops")
"""of a step: tokens read, places of its batches, tokens with a loss, operations"""
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Gauge:
    """What is measured in a run. `labels` and `typed` name datasets as `Accuracy` takes them.

    `peak` is how many operations a second the device could do; where nobody knows it is None, and
    so is `shape`, so that arithmetic is not counted.
    """

    labels: Sequence[str]
    typed: Sequence[str]
    device: torch.device
    shape: Shape | None
    peak: float | None

    @classmethod
    def of(
        cls, config: SftConfig, model: Qwen3VLForConditionalGeneration, device: torch.device
    ) -> Self:
        """For a model that no engine has wrapped yet."""
        names = [member.name for member in config.mixture.members]
        peak = None
        if device.type == "cuda" and config.dtype == "bfloat16":
            peak = peak_of(torch.cuda.get_device_name(device))
        return cls(names, config.token_type_labels, device, Shape.of(model) if peak else None, peak)


class Meter:
    """The cost of one step. The last of its vector are a place for each rank's memory, so that the
    sum over ranks keeps them apart."""

    def __init__(self, gauge: Gauge, rank: int, world: int) -> None:
        self._gauge = gauge
        self._rank = rank
        self.accuracy = Accuracy(gauge.labels, gauge.typed)
        self._sums = np.zeros(len(SUMS))
        self._memory = np.zeros((2, world))

    def add(
        self, samples: Sequence[Sample], batch: ModelBatch, right: torch.Tensor | None
    ) -> None:
        """One micro-batch, which is on the CPU, with its right tokens by type where those were
        looked for."""
        if right is not None:
            self.accuracy.add([sample.draw.member for sample in samples], batch, right)
        shape = self._gauge.shape
        self._sums += (
            sum(len(sample.example) for sample in samples),
            batch.input_ids.numel(),
            int((batch.types >= 0).sum()),
            sum(shape.flops(sample.example) for sample in samples) if shape else 0.0,
        )

    @property
    def vector(self) -> list[float]:
        """Everything, for adding up over the ranks. Reads how much memory this rank has used."""
        self._memory[:, self._rank] = peaks(self._gauge.device)
        parts = (self.accuracy.counts.ravel(), self._sums, self._memory.ravel())
        out: list[float] = np.concatenate(parts).tolist()
        return out

    def replace(self, vector: Sequence[float]) -> None:
        """Take the sums over all ranks."""
        first = self.accuracy.counts.size
        second = first + len(self._sums)
        self.accuracy.replace(vector[:first])
        self._sums = np.array(vector[first:second])
        self._memory = np.array(vector[second:]).reshape(self._memory.shape)

    @property
    def tokens(self) -> float:
        """Tokens read, images' tokens included."""
        return float(self._sums[0])

    @property
    def supervised(self) -> float:
        """Tokens with a loss."""
        return float(self._sums[2])

    @property
    def flops(self) -> float:
        """Operations of learning; 0 where they are not counted."""
        return float(self._sums[3])

    def ratios(self) -> dict[str, Ratio]:
        """Accuracies, and the share of places that hold no token."""
        tokens, places, *_ = self._sums.tolist()
        return {**self.accuracy.ratios(), "padding_share": (places - tokens, places)}

    def values(self) -> dict[str, float]:
        """The memory of the fullest rank in bytes, that of GPUs where there are any."""
        process, gpu = self._memory.max(1).tolist()
        out = {"memory/peak_rss_bytes": process}
        return out | {"memory/cuda_peak_bytes": gpu} if gpu else out


def peaks(device: torch.device) -> tuple[float, float]:
    """Most memory in bytes so far: resident of this process, and of tensors on its GPU or 0."""
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
    gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return float(process), float(gpu)
