"""A recording of answers, so that tests of what follows them need no model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcore.errors import ConfigError, DataError
from mlcore.stage_b.backends.protocol import Question, Reply, cut_at_stop
from mlcore.stage_b.ticket import Decode


class ReplayWriter:
    """Says what was recorded for a question and draw. Raises ConfigError outside a test run."""

    model_digest: str | None = None

    def __init__(self, path: Path) -> None:
        if "PYTEST_CURRENT_TEST" not in os.environ:
            raise ConfigError(
                "a replay answers in tests only: its words were not sampled from a model",
                hint="Name a model or a server.",
            )
        self._texts: dict[tuple[str, int], str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            row = json.loads(line)
            key = (str(row["name"]), int(row["draw"]))
            if key in self._texts:
                raise DataError(f"{key} is recorded twice", where=f"{path.name}:{number}")
            self._texts[key] = str(row["text"])
        self.about: Mapping[str, Any] = {"type": "replay", "recorded": len(self._texts)}

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        return [self._one(question, decode) for question in questions]

    def _one(self, question: Question, decode: Decode) -> Reply:
        said = self._texts.get((question.name, question.draw))
        if said is None:
            raise DataError(
                f"nothing is recorded for {question.name}, draw {question.draw}",
                where=question.name,
            )
        return Reply(cut_at_stop(said, decode.stop))
