"""What is wrong with a text that should be CoordJSON."""
from __future__ import annotations

from typing import ClassVar, Literal

from mlcore.errors import GatehouseError
from mlcore.run.exits import ExitCode

Rule = Literal["syntax", "truncated", "keys", "order", "desc", "coordinate", "arity", "geometry"]
"""A class of faults, for counting: `syntax` what is no CoordJSON at this place; `truncated` the
text ends too early; `keys` missing, repeated or unknown; `order` of the two keys; `desc` blank or
not text; `coordinate` not a bare token of 0..999; `arity` a wrong number of coordinates;
`geometry` reversed corners."""


class CoordJsonError(GatehouseError):
    """A text is not CoordJSON.

    `position` counts characters from 0 to where the fault was seen; `reason` is a sentence part;
    `rule` is the class of the fault.
    """

    code: ClassVar[str] = "coordjson"
    exit_code: ClassVar[ExitCode] = ExitCode.DATA

    def __init__(self, position: int, reason: str, rule: Rule = "syntax") -> None:
        super().__init__(f"at character {position}: {reason}", where=f"character {position}")
        self.position = position
        self.reason = reason
        self.rule: Rule = rule
