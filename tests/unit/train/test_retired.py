"""Keys of older configs fail with what to do instead, wherever a person puts them."""

from __future__ import annotations

import pytest

from mlcore.config.load import load_text
from mlcore.errors import ConfigError

WHOLE = """\
kind: sft
model: {type: scratch}
data: {dataset: d}
"""
PLACES = (
    "{}",
    "data: {{dataset: d, {}}}",
    "optim: {{{}}}",
    "custom: {{{}}}",
    "training: {{{}}}",
    "model: {{type: scratch, recipe: {{text: {{{}}}}}}}",
)
KEYS = {
    "hard_sample_mining": "rare samples",
    "images_per_user_turn": "one image per turn",
    "summary_label_grouping": "summaries at import",
    "packing_buffer": "pack",
    "packing_group_key": "pack",
    "cached_lengths": "pack",
    "quad": "`poly`",
    "summary_ratio": "summary_share",
    "inherit": "`extends`",
    "max_model_len": "write `global_max_length`",
    "lora_rank": "tuning.rank",
    "template": "chat template",
    "use_legacy_fusion": "type: fusion",
    "grpo_chord": "reinforcement",
}


def problems(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_text(text)
    return {p.path: p.message for p in caught.value.problems}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", KEYS)
def test_an_old_key_is_told_what_to_do_instead_at_every_place(key: str, place: str) -> None:
    row = place.format(f"{key}: 1")
    name = row.partition(":")[0]
    others = [line for line in WHOLE.splitlines() if not line.startswith(f"{name}:")]
    found = problems("\n".join([*others, row]))
    message = next(m for path, m in found.items() if path.endswith(key))
    assert message.startswith("is not a key here")
    assert KEYS[key] in message


def test_packing_as_a_switch_names_the_section_that_it_is() -> None:
    found = problems(f"{WHOLE}packing: true\n")
    assert "packing: {type: packed}" in found["packing"]


def test_a_file_of_the_older_form_is_sent_to_the_migration() -> None:
    found = problems("custom: {train_jsonl: a.jsonl}\n")
    assert "data migrate" in found["kind"]


def test_a_switch_where_a_section_belongs_names_the_keys_of_the_section() -> None:
    found = problems(f"{WHOLE}optim: true\n")
    assert found["optim"].startswith("is a section with the keys ")
    assert "clip" in found["optim"]
