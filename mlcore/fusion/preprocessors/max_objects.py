"""At most so many objects."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from mlcore.contract.records import Record
from mlcore.fusion.preprocessor import Counter, Length, Preprocessor, register


@register("max_objects")
class MaxObjects(Preprocessor):
    """A random choice of objects where there are more, anew for every sample; their order stays."""

    counter: ClassVar[Counter] = "capped"

    type: Literal["max_objects"] = "max_objects"
    """which preprocessor"""
    most: int = Field(ge=1)
    """most objects of one sample"""

    def apply(self, record: Record, rng: np.random.Generator) -> tuple[Record, int]:
        count = len(record.objects)
        if count <= self.most:
            return record, 0
        kept = np.sort(rng.permutation(count)[: self.most])
        objects = tuple(record.objects[place] for place in kept)
        return replace(record, objects=objects), count - len(objects)

    def longest(self, record: Record, length: Length) -> Record:
        if len(record.objects) <= self.most:
            return record
        objects = sorted(record.objects, key=length, reverse=True)
        return replace(record, objects=tuple(objects[: self.most]))
