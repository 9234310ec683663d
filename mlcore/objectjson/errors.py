"""What is wrong with a text that should be object_N JSON."""
from __future__ import annotations

from typing import ClassVar

from mlcore.coordjson.errors import AnswerError


class ObjectJsonError(AnswerError):
    """A text is not object_N JSON."""

    code: ClassVar[str] = "objectjson"
