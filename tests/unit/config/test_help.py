"""Every key of every config explains itself, numbers with their unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlcore.config.explain import models_in
from mlcore.kinds import KINDS, config_model

UNITS = """
tokens? steps? pixels? shares? images? pictures? samples? records? objects? patch patches points?
bins? seconds? ms minutes? epochs? percent % bytes? MiB GiB threads? processes ranks? workers?
entries layers? blocks? heads? width side table pairs checkpoints? answers? batches seed mixed
quality rates? ratio weights? norm amplitude probability likely likeliest decay polygons?
resamplings overlap rows? places temperature rank factor divided exponent coefficient times
tickets? gradients? nats momentum sequence loss fraction draws? questions? degrees quantile
likelihood parameter positions turns divisor candidates prompts requests
operations passes misses reflections
"""
UNIT = re.compile(rf"\b({'|'.join(UNITS.split())})\b")
"""words that say what a number counts, or of what it is a share"""


def every_field() -> Iterator[tuple[str, FieldInfo]]:
    seen: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = [config_model(kind) for kind in KINDS]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field
            waiting += models_in(field.annotation)


def is_number(annotation: Any) -> bool:
    return annotation in (int, float) or any(is_number(part) for part in get_args(annotation))


def test_every_key_of_every_config_has_a_docstring() -> None:
    assert [name for name, field in every_field() if not field.description] == []


def test_every_number_says_what_it_counts() -> None:
    """A unit where there is one, or the word for a plain number: share, ratio, weight, seed."""
    silent = [
        f"{name}: {field.description}"
        for name, field in every_field()
        if is_number(field.annotation) and not UNIT.search(field.description or "")
    ]
    assert silent == []
