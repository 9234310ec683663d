"""The shipped base checkpoint: small, ordinary, logged, and ignorant of the demo's images."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.config.load import load_config
from mlcore.synth.config import SynthConfig
from mlcore.synth.job import encode_jpeg
from mlcore.synth.scene import make_scene

RECIPES = Path(__file__).resolve().parents[2] / "mlcore" / "recipes"
BASE = RECIPES / "builtin" / "base"


def synth(name: str) -> SynthConfig:
    config = load_config(RECIPES / name / "synth.yaml").model
    assert isinstance(config, SynthConfig)
    return config


def trained_on() -> set[str]:
    return set((BASE / "training-images.txt").read_text().split())


def flat(value: Any, path: str = "") -> set[tuple[str, str]]:
    """Every value of a config with its dotted path."""
    if isinstance(value, dict):
        return {row for key, item in value.items() for row in flat(item, f"{path}.{key}")}
    return {(path, json.dumps(value))}


def written_in_recipe() -> set[tuple[str, str]]:
    """What the recipe's own lines say; defaults of keys that came later are left out."""
    recipe = load_config(RECIPES / "base" / "sft.yaml")
    return {
        (path, value)
        for path, value in flat(recipe.resolved)
        if recipe.provenance[path.removeprefix(".")] != "default"
    }


def test_it_is_at_most_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in BASE.iterdir()) <= 10_000_000


def test_its_log_tells_how_far_the_shipped_recipe_was_followed() -> None:
    manifest = json.loads((BASE / "training-manifest.json").read_text())
    trained = json.loads((BASE / "training-config.json").read_text())
    canonical = json.dumps(trained, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert manifest["config_sha256"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert written_in_recipe() <= flat(trained)
    rows = [json.loads(line) for line in (BASE / "training-log.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "eval/f1_50" in row.get("values", {})]
    assert looks[-1]["values"]["eval/f1_50"] > 0.95
    assert looks[-1]["values"]["eval/f1_50"] > looks[0]["values"]["eval/f1_50"]
    assert rows[-1]["message"] == "stopped on request after step 9599 of 13000"


def test_the_list_of_its_images_is_of_the_shipped_recipe() -> None:
    config = synth("base")
    assert len(trained_on()) == config.train + config.val
    for index in (0, 1, config.train - 1):
        picture, _ = make_scene(config.seed, config.style, "train", index)
        data = encode_jpeg(picture, config.jpeg_quality)
        assert hashlib.sha256(data).hexdigest()[:16] in trained_on()


def demo_images(most: int) -> set[str]:
    """What the demo renders, the first `most` images of each split, by the head of their hash."""
    config = synth("demo")
    found = set()
    for split, count in (("train", config.train), ("val", config.val)):
        for index in range(min(count, most)):
            picture, _ = make_scene(config.seed, config.style, split, index)
            found.add(hashlib.sha256(encode_jpeg(picture, config.jpeg_quality)).hexdigest()[:16])
    return found


def test_the_first_images_of_the_demo_were_never_trained_on() -> None:
    demo = synth("demo")
    assert (demo.style, demo.seed) != (synth("base").style, synth("base").seed)
    found = demo_images(40)
    assert len(found) == 80
    assert not found & trained_on()


@pytest.mark.slow
def test_no_image_of_the_demo_was_ever_trained_on() -> None:
    demo = synth("demo")
    found = demo_images(demo.train + demo.val)
    assert len(found) == demo.train + demo.val
    assert not found & trained_on()
