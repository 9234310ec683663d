"""The config of augmentation names everything that is wrong with it, where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.augment.config import AugmentConfig
from mlcore.augment.load import load_augmentation
from mlcore.errors import ConfigError

GOOD = "ops:\n- {type: hflip}\n- {type: rotate, max_deg: 5}\n"


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "augment.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_augmentation(str(file))
    return [f"{p.line}: {p.path}: {p.message}" for p in caught.value.problems]


def test_a_file_holds_an_augmentation_or_has_one_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    inner = GOOD.replace("\n", "\n    ")
    (tmp_path / "b.yaml").write_text(f"kind: sft\ndata:\n  augmentation:\n    {inner}\n")
    (tmp_path / "c.yaml").write_text("extends: a.yaml\nbypass_prob: 0.5\n")
    alone, within, child = (load_augmentation(str(tmp_path / f"{n}.yaml")) for n in "abc")
    assert alone == within
    assert child.ops == alone.ops and child.bypass_prob == 0.5


def test_every_problem_is_named_at_once_with_its_line_and_path(tmp_path: Path) -> None:
    text = (
        "ops:\n"
        "- {type: hflp}\n"
        "- {type: rotate, max_dg: 3}\n"
        "- {type: vflip, prob: 2}\n"
        "- {type: scale, lo: 3.0, hi: 2.0}\n"
        "- {prob: 1}\n"
        "- {type: hsv, sat: [1.4, 0.7]}\n"
        "bypas_prob: 1\n"
    )
    found = problems(tmp_path, text)
    assert found[0].startswith("2: ops.0.type: 'hflp' is no augmentation op, did you mean 'hflip'?")
    assert found[1] == "3: ops.1.max_dg: unknown key, did you mean 'max_deg'?"
    assert found[2].startswith("4: ops.2.prob: input should be less than or equal to 1")
    assert found[3] == "5: ops.3: lo 3.0 is larger than hi 2.0"
    assert found[4].startswith("6: ops.4: needs the key `type`: one of auto_contrast")
    assert found[5] == "7: ops.5: sat [1.4, 0.7] must rise within 0 to 10"
    assert found[6] == "8: bypas_prob: unknown key, did you mean 'bypass_prob'?"


def test_paths_within_a_training_config_are_whole(tmp_path: Path) -> None:
    text = "data:\n  augmentation:\n    ops:\n    - {type: rotate, max_deg: a}\n"
    (found,) = problems(tmp_path, text)
    assert found.startswith("4: data.augmentation.ops.0.max_deg: input should be a valid number")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ops: []\n", "ops: names no op"),
        ("ops:\n- {type: expand_to_fit}\n- {type: hflip}\n",
         "ops.0.type: expand_to_fit must be the last op that moves anything; hflip follows it"),
        ("data: {dataset: x}\n", "data: holds no augmentation"),
        ("ops:\n- hflip\n", "ops.0: needs to be a mapping with the key `type`"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    assert problems(tmp_path, text)[0].partition(": ")[2] == message


def test_colours_may_follow_the_last_op_that_moves(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("ops:\n- {type: expand_to_fit}\n- {type: gamma}\n")
    assert len(load_augmentation(str(tmp_path / "a.yaml")).ops) == 2


def test_a_file_that_is_not_there_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_augmentation("/nowhere/a.yaml")


def test_the_shipped_part_is_gentle_and_starts_clean() -> None:
    shipped = load_augmentation("recipe:parts/augment-conservative.yaml")
    order = [op.type for op in shipped.ops]
    moving = ["roi_crop", "resize_by_scale", "rotate", "color_jitter", "expand_to_fit"]
    assert [name for name in order if name in moving] == moving
    assert shipped.bypass_prob == 1.0 and "vflip" not in order


def test_the_schema_lists_every_op_with_help_for_every_parameter() -> None:
    schema: dict[str, Any] = AugmentConfig.model_json_schema()
    items = schema["properties"]["ops"]["items"]
    assert items["discriminator"]["propertyName"] == "type"
    assert len(items["oneOf"]) >= 22
    for one in schema["$defs"].values():
        for name, field in one.get("properties", {}).items():
            assert field.get("description"), (one["title"], name)
