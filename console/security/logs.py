"""One JSON object per log line, with secrets blanked."""
from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

_SECRET = re.compile(
    r"""(?ix) ( bearer\s+ | gh[ah]_ | (?:password|secret|token)["']?\s*[:=]\s*["']? )
        [^\s'",;]+"""
)
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message", "asctime", "taskName", "request", "server_time", "status_code",
}


class JsonFormatter(logging.Formatter):
    """Fields given by `extra=` become keys of the line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": blank_secrets(record.getMessage()),
        }
        for key, value in record.__dict__.items():
            if key not in _STANDARD:
                line[key] = blank_secrets(str(value))
        if record.exc_info:
            line["traceback"] = blank_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def blank_secrets(text: str) -> str:
    """The text with what follows `Bearer`, `password=`, or a token prefix replaced by stars."""
    return _SECRET.sub(lambda match: match.group(1) + "***", text)
