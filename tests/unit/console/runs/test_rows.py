"""Figures of a run as its pages list them."""
from __future__ import annotations

from console.runs.rows import headline_list


def test_figures_keep_their_order_and_a_unit_is_not_said_twice() -> None:
    headline = {
        "salvaged_objects": {"value": 3, "unit": "objects", "n": 2, "rank": 1},
        "f1_50": {"value": 0.5, "unit": "share", "n": 7, "rank": 0},
        "images": {"value": 4, "unit": "images", "n": 4, "rank": 2},
        "scenes": {"value": 4, "unit": "images", "n": 4, "rank": 3},
    }
    assert [(row["name"], row["unit"], row["n"]) for row in headline_list(headline)] == [
        ("f1 50", "share", 7), ("salvaged objects", "", 2), ("images", "", 4),
        ("scenes", "images", 4),
    ]  # fmt: skip
