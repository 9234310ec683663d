"""Near-duplicate pictures by difference hash."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.neighbours import dhash, near_duplicates
from tests.support.datasets import picture


def scene(number: int) -> np.ndarray:
    """A smooth picture, another for each number."""
    coarse = np.random.default_rng(number).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC)


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def test_the_first_comparison_is_the_highest_bit() -> None:
    rising = np.tile(np.arange(9, dtype=np.uint8) * 20, (8, 1))
    assert dhash(rising) == 2**64 - 1
    assert dhash(rising[:, ::-1].copy()) == 0
    rising[0] = rising[0, ::-1]
    assert dhash(rising) == 2**56 - 1


def test_recoding_resizing_and_light_change_few_bits_and_another_scene_many() -> None:
    image = scene(1)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])
    recoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    brighter = np.clip(image.astype(int) * 0.8 + 20, 0, 255).astype(np.uint8)
    for changed in (recoded, cv2.resize(image, (200, 150)), brighter):
        assert distance(dhash(image), dhash(changed)) <= 4
    assert distance(dhash(image), dhash(scene(2))) > 12


def test_grey_pictures_have_a_hash_of_their_own_pixels() -> None:
    grey = np.asarray(picture(3).convert("L"))
    assert dhash(grey) == dhash(np.repeat(grey[..., None], 3, axis=2))


def by_brute_force(hashes: list[int], limit: int) -> list[tuple[int, ...]]:
    group = list(range(len(hashes)))
    for a in range(len(hashes)):
        for b in range(a):
            if distance(hashes[a], hashes[b]) <= limit:
                old, new = group[a], group[b]
                group = [new if g == old else g for g in group]
    found: dict[int, list[int]] = defaultdict(list)
    for place, g in enumerate(group):
        found[g].append(place)
    return sorted(tuple(m) for m in found.values() if len(m) > 1)


near = st.builds(
    lambda base, flips: base ^ sum(1 << bit for bit in flips),
    st.sampled_from([0, 2**64 - 1, 0xF0F0F0F0F0F0F0F0]),
    st.sets(st.integers(0, 63), max_size=9),
)


@given(st.lists(near, max_size=30), st.integers(0, 16))
def test_groups_are_exactly_those_of_comparing_every_pair(hashes: list[int], limit: int) -> None:
    groups = near_duplicates(hashes, limit)
    assert [g.members for g in groups] == by_brute_force(hashes, limit)
    for group in groups:
        for place, bits in zip(group.members, group.distances, strict=True):
            others = [distance(hashes[place], hashes[o]) for o in group.members if o != place]
            assert bits == min(others) <= limit


def test_nothing_near_gives_no_group() -> None:
    assert near_duplicates([]) == []
    assert near_duplicates([5]) == []
    assert near_duplicates([0, 2**64 - 1]) == []


@pytest.mark.parametrize("limit", [-1, 17])
def test_a_distance_that_makes_no_sense_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="max_distance"):
        near_duplicates([1, 2], limit)
