"""The fusion file of older configs as `data: {type: fusion, ...}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlcore.config.compose import compose
from mlcore.train.old.draft import Draft, Made, NotCarried, Status, flag

Member = dict[str, Any]
Role = str
SAME = {
    "name": "name", "ratio": "ratio", "seed": "seed", "max_objects_per_image": "max_objects",
    "curriculum_enabled": "curriculum",
}
WORDS = "what is asked is `messages`, of the run or of this dataset whole"
REMOVED = {
    "template": WORDS,
    "user_prompt": WORDS,
    "system_prompt": WORDS,
    "summary_label_grouping": "rare labels are not grouped; make the summaries at import",
    "poly_max_points": "with poly_fallback it became boxes_above; without it does nothing",
}
TOP: dict[str, tuple[Status, str]] = {
    "target": ("removed", "targets are a list: write `targets:`"),
    "summary_label_grouping": ("removed", REMOVED["summary_label_grouping"]),
}
"""keys beside the two lists"""


def data_file(value: Any) -> tuple[str, str]:
    """The folder and the split of a JSONL file. Raises NotCarried for anything else."""
    if not isinstance(value, str) or Path(value).suffix != ".jsonl":
        raise NotCarried("unsupported", f"{value!r} is no JSONL file")
    return Path(value).parent.as_posix(), Path(value).stem


def mixture(to: str, value: Any, draft: Draft) -> Made:
    """`custom.fusion_config`, a file beside the config or below the working folder."""
    file = draft.beside.read(str(value))
    if file is None:
        draft.fill_in["data.targets"] = f"the datasets of {value}, which is not here"
        draft.new["data.type"] = "fusion"
        raise NotCarried("removed", "write the mixture under data; its file cannot be read")
    composed = compose(file, draft.beside.parent)
    if composed.problems:
        raise NotCarried("unsupported", f"cannot be read: {composed.problems[0]}")
    made: dict[str, Any] = {"data.type": "fusion"}
    for role in ("targets", "sources"):
        items = composed.data.get(role) or []
        path = f"custom.fusion_config.{role}"
        if not isinstance(items, list):
            raise NotCarried("unsupported", f"{role} is a list")
        if items or role == "targets":
            made[f"data.{role}"] = [
                _member(item, role, f"{path}.{at}", draft) for at, item in enumerate(items)
            ]
    for key in [key for key in composed.data if key not in ("targets", "sources")]:
        status, note = TOP.get(key, ("unknown", "nothing was carried"))
        draft.tell(f"custom.fusion_config.{key}", composed.data[key], status, note=note)
    note = f"written out from {file.path}; targets are covered before any record repeats"
    return Made(made, note)


def _member(item: Any, role: Role, path: str, draft: Draft) -> Member:
    if not isinstance(item, Mapping):
        draft.tell(path, item, "unsupported", note="a dataset is a mapping")
        return {}
    given = {**{k: v for k, v in item.items() if k != "params"}, **(item.get("params") or {})}
    made: Member = {"name": None}
    for key, value in given.items():
        try:
            new = _key(key, value, role, given)
        except NotCarried as error:
            draft.tell(f"{path}.{key}", value, error.status, note=error.note)
            continue
        made |= new
        to = tuple(f"data.{path.removeprefix('custom.fusion_config.')}.{k}" for k in new)
        draft.tell(f"{path}.{key}", value, "carried", to)
    made.setdefault("dataset", None)
    if role == "sources" and "sampling" not in made:
        made["sampling"] = "replace"
        why = "sources were drawn with replacement unless they said otherwise"
        place = path.removeprefix("custom.fusion_config.")
        draft.settings[f"data.{place}.sampling"] = ("replace", why)
    return made


def _key(key: str, value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if key in SAME:
        return {SAME[key]: value}
    if key in SPECIAL:
        return SPECIAL[key](value, role, given)
    if key in REMOVED:
        raise NotCarried("removed", REMOVED[key])
    raise NotCarried("unknown", "nothing was carried")


def _train(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    folder, split = data_file(value)
    return {"dataset": folder, "split": split}


def _val(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if role == "sources":
        raise NotCarried("removed", "a source is never evaluated")
    folder, split = data_file(value)
    if data_file(given.get("train_jsonl"))[0] != folder:
        raise NotCarried("unsupported", "the val split is one of the same dataset folder")
    return {"val_split": split}


def _mode(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if value not in ("dense", "summary"):
        raise NotCarried("unsupported", "modes are dense and summary")
    return {"summary_share": 1.0 if value == "summary" else 0.0}


def _use_summary(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    return {"summary_share": 1.0 if flag(value) else 0.0}


def _dataset(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if given.get("name"):
        raise NotCarried("removed", "what kind of dataset it is says its role, target or source")
    return {"name": value}


def _once(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    return {"sampling": "cover" if flag(value) or role == "targets" else "replace"}


def _augmented(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if role == "sources" and flag(value):
        raise NotCarried("removed", "it never had an effect for a source; write it if you want it")
    return {"augmentation": flag(value)}


def _boxes(value: Any, role: Role, given: Mapping[str, Any]) -> Member:
    if value != "bbox_2d":
        raise NotCarried("removed", "polygons stay polygons, as before")
    return {"boxes_above": given.get("poly_max_points") or 0}


SPECIAL: dict[str, Callable[[Any, Role, Mapping[str, Any]], Member]] = {
    "dataset": _dataset,
    "train_jsonl": _train, "val_jsonl": _val, "mode": _mode, "use_summary": _use_summary,
    "sample_without_replacement": _once, "augmentation_enabled": _augmented,
    "poly_fallback": _boxes,
}
