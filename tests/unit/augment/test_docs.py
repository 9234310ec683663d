"""The example of docs/augmentation.md is a module that works."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mlcore.augment.op import OPS
from tests.support.augmenting import config, picture, run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "augmentation.md"


@pytest.fixture(scope="module", autouse=True)
def shear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The op of the example, for these tests only: other tests list the ops there are."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    file = tmp_path_factory.mktemp("ops") / "docs_shear.py"
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("docs_shear", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    OPS.names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPS, "_things", dict(OPS._things))
        patch.setitem(sys.modules, "docs_shear", module)
        spec.loader.exec_module(module)
        yield


def test_the_op_of_the_example_moves_picture_and_objects() -> None:
    image = picture()
    found = run(config({"type": "shear", "prob": 1.0, "most": 0.2}), image=image)
    assert found.telemetry.applied == ("shear",)
    assert found.telemetry.matrix[0][1] != 0
    assert not np.array_equal(found.image, image)


def test_its_parameters_are_held_like_those_of_any_op() -> None:
    with pytest.raises(ValidationError, match="did you mean 'most'"):
        config({"type": "shear", "mos": 0.1})
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        config({"type": "shear", "most": 2.0})


def test_a_curriculum_can_change_it() -> None:
    phases = {"phases": [{"until_step": 10, "ops": {"shear": {"most": 0.3}}}]}
    assert config({"type": "shear"}, curriculum=phases).curriculum is not None


def test_the_configs_of_the_page_are_valid(tmp_path: Path) -> None:
    from mlcore.augment.load import load_augmentation

    blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(encoding="utf-8"), re.M)
    (whole,) = [block for block in blocks if block.startswith("    data:")]
    file = tmp_path / "page.yaml"
    file.write_text(re.sub(r"(?m)^    ", "", whole), encoding="utf-8")
    assert len(load_augmentation(str(file)).ops) == 4
