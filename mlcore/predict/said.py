"""What a system said about one image."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from mlcore.chat.confidence import Confidence, answer_confidences
from mlcore.chat.generate import Generated
from mlcore.chat.prompts import Mode
from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat


@dataclass(frozen=True)
class Said:
    """An answer without the line that the model was trained to begin with.

    `generated` has the tokens of everything that was said; `confidences` are of the right objects
    of a dense answer and None where there is no telling (no model, or bytes that are no text).
    """

    text: str
    generated: Generated
    confidences: list[Confidence] | None = None


def said(
    answer: Generated,
    record: Record,
    mode: Mode,
    prefix: str,
    format: AnswerFormat,
    tokenizer: PreTrainedTokenizerFast,
) -> Said:
    """An answer without `prefix`, and how sure the model was of the objects of a dense one.

    One that does not begin with the prefix stays as it is, and is then read as such.
    """
    text = answer.text.removeprefix(prefix)
    if mode != "dense":
        return Said(text, answer)
    found = answer_confidences(
        tokenizer.backend_tokenizer,
        answer.text,
        answer.token_ids,
        answer.logprobs,
        len(answer.text) - len(text),
        format,
        (record.width, record.height),
    )
    return Said(text, answer, found)
