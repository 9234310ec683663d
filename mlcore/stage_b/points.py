"""Installation points of RRU tickets: images with the same station distance show the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlcore.contract.domains import STATION_DISTANCE
from mlcore.facts.fact import Fact, ImageFacts

NO_POINT = ""


def points_of(images: Sequence[ImageFacts]) -> dict[str, list[ImageFacts]]:
    """Images by station distance, smallest first; one that names none stands under NO_POINT, one
    that names several under each."""
    points: dict[str, list[ImageFacts]] = {}
    for image in images:
        names = {f.value for f in image.facts if f.attribute == STATION_DISTANCE} or {NO_POINT}
        for name in names:
            points.setdefault(name, []).append(image)
    return {name: points[name] for name in sorted(points, key=_number_first)}


def seen_at(images: Sequence[ImageFacts]) -> Mapping[str, Sequence[Fact]]:
    """Facts at one point by subject, of all its images together."""
    found: dict[str, list[Fact]] = {}
    for image in images:
        for fact in image.facts:
            if fact.subject != STATION_DISTANCE:
                found.setdefault(fact.subject, []).append(fact)
    return found


def point_lines(images: Sequence[ImageFacts]) -> list[str]:
    """One line per point: its images and what they show together; nothing without a point."""
    points = points_of(images)
    if set(points) <= {NO_POINT}:
        return []
    return [_line(name, at) for name, at in points.items() if name != NO_POINT]


def _line(name: str, images: Sequence[ImageFacts]) -> str:
    numbers = "、".join(f"图{image.image}" for image in images)
    shown = []
    for subject, facts in seen_at(images).items():
        values = [f"{f.attribute}={f.value}" for f in facts if f.attribute]
        shown.append(f"{subject}（{'、'.join(dict.fromkeys(values))}）" if values else subject)
    return f"站点距离 {name}（{numbers}）：{'；'.join(shown) or '无'}"


def _number_first(name: str) -> tuple[bool, int, str]:
    number = name.isascii() and name.isdigit()
    return not number, int(name) if number else 0, name
