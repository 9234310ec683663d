"""Keys of older training configs, wherever they are put in one of today's, and what to do instead.

They are those of `mlcore.train.old.keys`, the table that `data migrate` works through, by their
own names: people remember `packing_buffer` and not the section that it stood in.
"""

from __future__ import annotations

from mlcore.train.old.keys import TABLE, Row

MIGRATE = "`python -m mlcore data migrate OLD.yaml NEW.yaml` turns such a file into one of today's"
_MORE = {
    "template": "the checkpoint brings its own chat template; the one length is global_max_length",
    "quad": "a polygon is `poly`, in records only; `data migrate` rewrites the older key",
}
"""names that older configs had without a row of their own"""


def _name(row: Row) -> str:
    """The word that people know a row's key by."""
    parts = [part for part in row.key.split(".") if part not in ("*", "enabled")]
    return parts[-1]


def _advice(row: Row) -> str:
    if not row.to:
        return row.note
    return f"write `{row.to}`" + (f"; {row.note}" if row.note else "")


def _retired() -> dict[str, str]:
    """Advice by name. A section tells of the whole file; the first row of a name counts."""
    sections = {row.key.split(".")[0] for row in TABLE if "." in row.key}
    out = dict.fromkeys(sections, f"it is a section of the older form; {MIGRATE}")
    for row in TABLE:
        out.setdefault(_name(row), _advice(row))
    return out | _MORE


RETIRED: dict[str, str] = _retired()
"""what to do instead, by the key's own name"""
