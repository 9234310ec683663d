"""Run-length masks and their outlines, beside the reference implementation of COCO."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlcore.contract.importers.masks import decode_rle, encode_rle, outline

masks = arrays(
    np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1)
)


@given(masks)
def test_encoding_and_decoding_is_the_identity(mask: np.ndarray) -> None:
    height, width = mask.shape
    again = decode_rle({"size": [height, width], "counts": encode_rle(mask)})
    assert np.array_equal(again, mask)


@given(masks)
def test_compressed_masks_are_read_as_the_reference_writes_them(mask: np.ndarray) -> None:
    reference = pytest.importorskip("faster_coco_eval.core.mask")
    rle = reference.encode(np.asfortranarray(mask))
    counts = rle["counts"].decode() if isinstance(rle["counts"], bytes) else rle["counts"]
    assert np.array_equal(decode_rle({"size": list(mask.shape), "counts": counts}), mask)


@given(st.integers(0, 500))
def test_the_outline_of_one_piece_covers_exactly_its_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 30), np.uint8)
    corners = rng.integers(2, 22, (4, 2)).astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(corners), 1)
    points = outline(mask, Counter())
    assert points is not None
    xs, ys = np.array(points[0::2]), np.array(points[1::2])
    area = abs(np.sum(xs * np.roll(ys, -1) - np.roll(xs, -1) * ys)) / 2
    assert area == mask.sum()
    assert (xs.min(), ys.min()) == (np.nonzero(mask)[1].min(), np.nonzero(mask)[0].min())


def test_pieces_have_no_outline_and_holes_are_filled_and_counted() -> None:
    mask = np.zeros((20, 20), np.uint8)
    assert outline(mask, Counter()) is None
    mask[2:10, 2:10] = 1
    mask[4:6, 4:6] = 0
    changed: Counter[str] = Counter()
    assert outline(mask, changed) == (2, 2, 2, 10, 10, 10, 10, 2)
    assert changed == {"mask_holes_filled": 1}
    mask[15:18, 15:18] = 1
    assert outline(mask, Counter()) is None


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5]},
        {"size": [2, 2], "counts": [-1, 5]},
        {"size": [2, 2], "counts": [True, 3]},
        {"size": [0, 2], "counts": []},
        {"size": [2], "counts": [2]},
        {"size": [2, 2], "counts": "~~~~~~~~~~~~~~~~~~~~"},
        {"size": [2, 2], "counts": "P"},
        {"size": [2, 2], "counts": None},
    ],
)
def test_a_broken_mask_is_refused(rle: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"counts|size"):
        decode_rle(rle)
