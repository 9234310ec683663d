"""Summaries as a verdict's prompt shows them: simplified characters, plain spaces, no marker that
sounds like a verdict, and nothing that the mission's family does not judge by."""

from __future__ import annotations

import re
from functools import lru_cache

from opencc import OpenCC

from mlcore.contract.domains import STATION_DISTANCE, Domain
from mlcore.coordjson.summary import drop_category
from mlcore.facts.words import REVIEW_MARK

_REMARK = re.compile(rf"{REVIEW_MARK}\s*[,，]\s*备注\s*[:：]")
_SPACE = re.compile(r"\s+")


def clean_summary(text: str, domain: Domain) -> str:
    """One line. Station distances are left out for BBU, whose images are not joined by them;
    a summary of nothing else becomes 无关图片."""
    plain = one_line(text)
    plain = _REMARK.sub("备注:", plain).replace(REVIEW_MARK, "").strip("，,；; ")
    return plain if domain == "rru" else drop_category(plain, STATION_DISTANCE)


def one_line(text: str) -> str:
    """Text in simplified characters on one line, with single plain spaces."""
    return _SPACE.sub(" ", simplified(text)).strip()


def simplified(text: str) -> str:
    """Traditional characters replaced by simplified ones (OpenCC, `t2s`)."""
    return str(_converter().convert(text))


@lru_cache(maxsize=1)
def _converter() -> OpenCC:
    return OpenCC("t2s")
