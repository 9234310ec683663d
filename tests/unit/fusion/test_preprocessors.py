"""Preprocessors: the two of a dataset's own keys, and one that the page adds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from mlcore.contract.desc import class_of
from mlcore.fusion.config import SourceConfig
from mlcore.fusion.preprocessor import PREPROCESSORS, prepare_record
from tests.support.pages import run_file
from tests.support.scenes import make_record

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "fusion.md").read_text(encoding="utf-8")


def source(**changes: object) -> SourceConfig:
    data = {"name": "s", "dataset": "dataset:s@1", "ratio": 0.5, **changes}
    return SourceConfig.model_validate_json(json.dumps(data))


@pytest.fixture
def keep_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preprocessor of the page, added as a file of its own, for one test."""
    PREPROCESSORS.names()
    monkeypatch.setattr(PREPROCESSORS, "_things", dict(PREPROCESSORS._things))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    run_file(tmp_path / "docs_keep_classes.py", code, monkeypatch)


def test_the_keys_of_a_dataset_are_steps_boxes_first() -> None:
    assert [step.type for step in source(boxes_above=4).steps] == ["boxes_above", "max_objects"]
    assert source(max_objects=None).steps == []


def test_polygons_of_more_points_become_boxes_and_are_counted() -> None:
    record = make_record(1)
    polygons = sum(o.kind == "poly" for o in record.objects)
    done = prepare_record(record, source(boxes_above=3).steps, np.random.default_rng(0))
    assert polygons > 0
    assert done.counted == {"boxed": polygons, "capped": 0}
    assert all(o.kind != "poly" for o in done.record.objects)
    assert [o.desc for o in done.record.objects] == [o.desc for o in record.objects]


def test_a_cap_leaves_objects_in_their_order_and_draws_anew() -> None:
    first = make_record(1).objects[0]
    many = tuple(replace(first, desc=f"类别=螺丝{n}") for n in range(30))
    record = replace(make_record(1), objects=many)
    chosen = [
        prepare_record(record, source(max_objects=5).steps, np.random.default_rng(n))
        for n in (0, 0, 1)
    ]
    places = [[many.index(o) for o in one.record.objects] for one in chosen]
    assert all(len(one) == 5 and one == sorted(one) for one in places)
    assert places[0] == places[1] != places[2]
    assert chosen[0].counted == {"capped": 25}


@pytest.mark.usefixtures("keep_classes")
def test_the_preprocessor_of_the_page_works() -> None:
    (block,) = [b for b in re.findall(r"(?:^    .*\n)+", PAGE, re.M) if b.startswith("    sources")]
    (data,) = yaml.safe_load(re.sub(r"(?m)^    ", "", block))["sources"]
    config = SourceConfig.model_validate_json(json.dumps(data))
    assert [step.type for step in config.steps] == ["keep_classes", "max_objects"]
    again = SourceConfig.model_validate_json(config.model_dump_json())
    assert again == config
    record = make_record(1)
    things = tuple(
        replace(o, desc=f"类别={'螺丝' if n % 2 else '标签'}") for n, o in enumerate(record.objects)
    )
    done = prepare_record(replace(record, objects=things), config.steps, np.random.default_rng(0))
    assert {class_of(o.desc) for o in done.record.objects} == {"螺丝"}
    assert done.counted["preprocessed"] == len(things) - len(done.record.objects) > 0


@pytest.mark.usefixtures("keep_classes")
@pytest.mark.parametrize(
    ("step", "place", "message"),
    [
        ({"type": "keep_clases"}, ("preprocessors", 0, "type"), "did you mean 'keep_classes'"),
        ({"type": "keep_classes", "clases": []}, ("preprocessors", 0, "clases"), "'classes'"),
        ({"type": "max_objects", "most": 3}, ("preprocessors",), "key of the dataset itself"),
        ({"most": 3}, ("preprocessors", 0), "needs the key `type`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    step: dict[str, object], place: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        source(preprocessors=[step])
    told = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert message in told[place]
