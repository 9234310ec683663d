"""The first samples of every dataset and task in every detail: patches, labels, spans."""

from __future__ import annotations

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene
from mlcore.train.prepare import check_health

HINT = "Look at it with `python -m mlcore messages show`."


def check(scene: Scene) -> Result:
    """PASS when each has its image tokens, patches, labels of the answer alone, and its end.

    Raises DataError naming dataset and record at the first thing wrong.
    """
    looked = check_health(scene.prepared)
    return Result("samples", "PASS", f"{looked} samples looked at", {"samples": looked}, "")
