"""The ticket of an image, read from its path by a pattern.

    python -m mlcore.contract.tickets
        {"pattern", "names"} on stdin -> {"tickets"} or {"problem"}

The program is for those who must not hang on a pattern that never ends: they give it a time limit.
"""
from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence


def ticket_of(pattern: re.Pattern[str], path: str) -> str:
    """What the pattern's first group finds in a path, or all that it finds where it has no group.

    Empty where it finds nothing: such an image is a ticket of its own.
    """
    found = pattern.search(path)
    return "" if found is None else found.group(1 if pattern.groups else 0) or ""


def main(arguments: Sequence[str] = ()) -> int:
    """Answer one question on stdin."""
    asked = json.load(sys.stdin)
    try:
        pattern = re.compile(asked["pattern"])
    except re.error as error:
        answer: dict[str, object] = {"problem": f"not a regular expression: {error}"}
    else:
        answer = {"tickets": [ticket_of(pattern, name) for name in asked["names"]]}
    json.dump(answer, sys.stdout, ensure_ascii=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
