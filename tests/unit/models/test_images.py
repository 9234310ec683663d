from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlcore.errors import DataError
from mlcore.models.images import ImageSettings, Patcher, read_rgb
from mlcore.models.load import load_processor
from tests.support.scenes import make_image


@pytest.fixture(scope="module")
def patcher(tiny_checkpoint: Path) -> Patcher:
    stored = json.loads((tiny_checkpoint / "preprocessor_config.json").read_text())
    return Patcher(ImageSettings.from_json(stored, "x"))


@pytest.mark.parametrize("size", [(32, 32), (96, 64), (192, 192), (64, 320)])
def test_patches_equal_the_librarys_bit_for_bit(
    tiny_checkpoint: Path, patcher: Patcher, size: tuple[int, int]
) -> None:
    image = make_image(3, *size)
    library = load_processor(tiny_checkpoint).image_processor(images=[image], return_tensors="np")
    ours = patcher(image, "x.png")
    assert np.array_equal(ours.values, library["pixel_values"])
    assert [list(ours.grid)] == library["image_grid_thw"].tolist()


def test_patches_equal_the_librarys_with_a_mean_and_spread_per_channel(
    tiny_checkpoint: Path,
) -> None:
    processor = load_processor(tiny_checkpoint).image_processor
    processor.image_mean, processor.image_std = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]
    image = make_image(4)
    library = processor(images=[image], return_tensors="np")["pixel_values"]
    settings = ImageSettings.from_json(json.loads(processor.to_json_string()), "x")
    assert np.array_equal(Patcher(settings)(image, "x.png").values, library)


@pytest.mark.parametrize("shape", [(64, 100), (31, 32), (0, 32)])
def test_an_image_of_another_size_is_named_and_never_resized(
    patcher: Patcher, shape: tuple[int, int]
) -> None:
    with pytest.raises(DataError, match="multiples of 32") as caught:
        patcher(np.zeros((*shape, 3), np.uint8), "images/odd.png")
    assert caught.value.where == "images/odd.png"


def test_an_array_that_is_no_8_bit_rgb_image_is_refused(patcher: Patcher) -> None:
    for wrong in (np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3), np.uint16)):
        with pytest.raises(DataError, match="8-bit RGB"):
            patcher(wrong, "x")  # type: ignore[arg-type]


def test_palette_grey_and_transparent_files_become_rgb(tmp_path: Path) -> None:
    for mode in ("P", "L", "RGBA"):
        path = tmp_path / f"{mode}.png"
        Image.new(mode, (32, 64)).save(path)
        assert read_rgb(path).shape == (64, 32, 3)


def test_a_rotated_photograph_is_read_upright(tmp_path: Path) -> None:
    path = tmp_path / "rotated.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(path, exif=exif)
    assert read_rgb(path).shape == (64, 32, 3)


def test_missing_truncated_foreign_and_16_bit_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(make_image(1, 320, 320)).save(whole)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:2000])
    foreign = tmp_path / "page.png"
    foreign.write_text("<svg/>")
    deep = tmp_path / "deep.png"
    Image.fromarray(np.zeros((32, 32), np.uint16)).save(deep)
    for path in (tmp_path / "missing.png", cut, foreign, deep):
        with pytest.raises(DataError) as caught:
            read_rgb(path)
        assert caught.value.where == str(path)
