"""What is being said right now, told every few seconds while the tokens come."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from mlcore.chat.choose import Listener
from mlcore.chat.render import TrainingExample
from mlcore.run.events import EventWriter

EVERY_S = 2.0
"""seconds between two events"""
NAME = 200
"""longest name of an event, in characters"""
SHOWN = 4000
"""characters of an answer's end that are told"""


class Live:
    """Follows the first answer of each batch. A batch that is quicker than `every` says nothing."""

    def __init__(
        self, events: EventWriter, tokenizer: Tokenizer, end: int, every: float = EVERY_S
    ) -> None:
        self._events = events
        self._tokenizer = tokenizer
        self._end = end
        self._every = every

    def listener(self, prompts: Sequence[TrainingExample]) -> Listener:
        """What hears the tokens of a batch of these prompts."""
        reader = TextReader(self._tokenizer, self._end)
        name, due = prompts[0].record_id[:NAME], time.monotonic() + self._every

        def hear(tokens: Sequence[int]) -> None:
            nonlocal due
            if reader.finished:
                return
            reader.add(tokens[0])
            now = time.monotonic()
            if now >= due:
                due = now + self._every
                self._events.stream(name, reader.text[-SHOWN:], reader.count)

        return hear


class TextReader:
    """The text of one answer while its tokens come, whole characters at a time."""

    def __init__(self, tokenizer: Tokenizer, end: int) -> None:
        self.text = ""
        self.count = 0
        self.finished = False
        self._tokenizer = tokenizer
        self._end = end
        self._stream = DecodeStream(ids=[], skip_special_tokens=False)

    def add(self, token: int) -> str:
        """Take a token; returns the characters that it completes, none after the end."""
        self.finished = self.finished or token == self._end
        if self.finished:
            return ""
        piece = self._stream.step(self._tokenizer, token) or ""
        self.text += piece
        self.count += 1
        return piece
