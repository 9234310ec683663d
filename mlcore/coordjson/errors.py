"""What is wrong with a text that should be an answer."""
from __future__ import annotations

from typing import ClassVar, Literal, get_args

from mlcore.errors import GatehouseError
from mlcore.run.exits import ExitCode

Rule = Literal[
    "syntax", "truncated", "not_an_object", "unexpected_keys", "missing_desc", "missing_geometry",
    "order_violation", "bad_desc", "non_coord_token", "bad_number", "wrong_arity",
    "reversed_corners", "line_points", "bad_index", "bad_prefix",
]
"""A class of faults, for counting; both grammars and both ways of reading share them.

`syntax`: not the grammar at this place. `truncated`: the text ends too early. `not_an_object`: an
entry of the list is something else. `unexpected_keys`: unknown, repeated or one too many.
`missing_desc`, `missing_geometry`: the key is not there. `order_violation`: the keys stand the
other way round. `bad_desc`: blank, not text, more than one line. `non_coord_token`: a coordinate
that is not a bare token of 0..999 (CoordJSON). `bad_number`: a coordinate that is not a whole
number in range (object_N JSON). `wrong_arity`: a wrong number of coordinates.
`reversed_corners`: a box from right to left or from bottom to top. `line_points`: missing or
wrong. `bad_index`: the keys are not object_1, object_2, ... `bad_prefix`: a first line that is
not the one of this task.
"""
RULES: tuple[Rule, ...] = get_args(Rule)


class AnswerError(GatehouseError):
    """A text is not the answer that its grammar asks for.

    `position` counts characters from 0 to where the fault was seen; `reason` is a sentence part;
    `rule` is the class of the fault.
    """

    code: ClassVar[str] = "answer"
    exit_code: ClassVar[ExitCode] = ExitCode.DATA

    def __init__(self, position: int, reason: str, rule: Rule = "syntax") -> None:
        super().__init__(f"at character {position}: {reason}", where=f"character {position}")
        self.position = position
        self.reason = reason
        self.rule: Rule = rule


class CoordJsonError(AnswerError):
    """A text is not CoordJSON."""

    code: ClassVar[str] = "coordjson"
