"""Boxes follow their picture through EXIF rotations and resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mlcore.contract.import_config import Resize
from mlcore.contract.transform import scale_points, target_size, upright_points, upright_rgb

ORIENTATIONS = range(1, 9)


def with_exif(image: Image.Image, orientation: int) -> Image.Image:
    exif = Image.Exif()
    exif[274] = orientation
    image.info["exif"] = exif.tobytes()
    return image


@given(
    st.sampled_from(list(ORIENTATIONS)),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(1, 9),
)
def test_a_box_stays_on_its_patch(orientation: int, x: int, y: int, w: int, h: int) -> None:
    pixels = np.zeros((30, 41, 3), np.uint8)
    pixels[y : y + h, x : x + w] = 255
    seen = np.asarray(upright_rgb(Image.fromarray(pixels), orientation))
    ys, xs = np.where(seen[..., 0] > 0)
    patch = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert upright_points("bbox_2d", (x, y, x + w, y + h), orientation, (41, 30)) == patch


@given(st.sampled_from(list(ORIENTATIONS)), st.lists(st.integers(0, 30), min_size=8, max_size=8))
def test_each_corner_of_a_polygon_turns_as_a_box_of_its_own(
    orientation: int, numbers: list[int]
) -> None:
    turned = upright_points("poly", tuple(numbers), orientation, (41, 30))
    for i in range(0, 8, 2):
        corner = (numbers[i], numbers[i + 1]) * 2
        alone = upright_points("bbox_2d", corner, orientation, (41, 30))
        assert turned[i : i + 2] == alone[:2]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pictures_are_turned_as_pillow_turns_them(orientation: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (20, 31, 3)).astype(np.uint8)
    ours = upright_rgb(Image.fromarray(noise), orientation)
    tagged = with_exif(Image.fromarray(noise), orientation)
    assert np.array_equal(np.asarray(ours), np.asarray(ImageOps.exif_transpose(tagged)))


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    grey = Image.fromarray(np.full((4, 5), 200 * 256, np.uint16))
    assert np.asarray(upright_rgb(grey, 1)).max() == 200


def test_transparent_pixels_become_white() -> None:
    clear = Image.new("RGBA", (4, 4), (9, 9, 9, 0))
    assert np.asarray(upright_rgb(clear, 1)).min() == 255


def test_without_limits_every_size_stays() -> None:
    assert target_size(641, 479, None) == (641, 479)


def test_a_size_of_multiples_within_the_limits_stays() -> None:
    assert target_size(480, 512, Resize()) == (480, 512)


def test_a_size_within_the_limits_becomes_multiples_with_the_nearest_aspect() -> None:
    assert target_size(500, 400, Resize()) == (480, 384)


@given(st.integers(1, 6000), st.integers(1, 6000))
def test_a_resized_picture_has_the_multiple_and_stays_below_the_limit(w: int, h: int) -> None:
    limits = Resize()
    new = target_size(w, h, limits)
    assert all(side % limits.multiple == 0 and side > 0 for side in new)
    thin = min(new) == limits.multiple
    assert new[0] * new[1] <= limits.max_pixels or thin


@given(st.integers(512, 4000), st.floats(0.5, 2.0))
def test_resizing_nearly_keeps_the_aspect(w: int, ratio: float) -> None:
    h = round(w * ratio)
    new = target_size(w, h, Resize())
    assert abs(new[0] / new[1] - w / h) < 0.2 * w / h


def test_a_box_scales_with_its_picture() -> None:
    assert scale_points((10, 10, 20, 40), (100, 100), (50, 200)) == (5, 20, 10, 80)
