"""Validation errors as sentences with positions: unknown keys with a did-you-mean."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mlcore.config.base import JobConfig, StrictModel
from mlcore.config.yaml_tree import Path, Position, dotted
from mlcore.errors import Problem
from mlcore.near import nearest


def explain(
    error: ValidationError, model: type[BaseModel], positions: dict[Path, Position]
) -> list[Problem]:
    """Every error of a validation as a Problem, in the order of the file."""
    found = []
    for item in error.errors():
        path = real_path(item["loc"], model)
        found.append((path, _sentence(item, model)))
        if item["type"] == "extra_forbidden":
            found += _retired_below(item["input"], path, _anywhere(model))
    problems = []
    for path, message in found:
        at = _nearest(path, positions)
        problems.append(Problem(at.file, at.line, at.column, dotted(path), message))
    return sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.path))


def _retired_below(value: Any, path: Path, known: dict[str, str]) -> list[tuple[Path, str]]:
    """What to do instead for every retired key inside a section that is unknown as a whole."""
    if not isinstance(value, dict):
        return []
    rows: list[tuple[Path, str]] = []
    for key, inner in value.items():
        here = (*path, key)
        if key in known:
            rows.append((here, _instead(known[key])))
        rows += _retired_below(inner, here, known)
    return rows


def real_path(loc: tuple[str | int, ...], model: type[BaseModel]) -> Path:
    """The error's location without the union tags that pydantic puts between keys.

    The tag follows the field (and index) of a union of models that have a `type`; a field of the
    chosen model may have the same name, so the schema decides and not the spelling.
    """
    path: list[str | int] = []
    here = [model]
    tag_comes = False
    for part in loc:
        if tag_comes and isinstance(part, str):
            here = [m for m in here if part in _tags(m)]
            tag_comes = False
            continue
        path.append(part)
        if isinstance(part, str):
            here = _models_of_field(here, part)
            tag_comes = len(here) > 1 and all("type" in m.model_fields for m in here)
    return tuple(path)


def _models_of_field(owners: list[type[BaseModel]], name: str) -> list[type[BaseModel]]:
    """The models inside the field `name`; a key of a mapping field keeps the mapping's models."""
    fields = [m.model_fields[name] for m in owners if name in m.model_fields]
    return [inner for field in fields for inner in models_in(field.annotation)]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Every model class inside an annotation, through unions, lists, dicts and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def literals_in(annotation: Any) -> list[str]:
    """Every string literal inside an annotation."""
    if get_origin(annotation) is Literal:
        return [value for value in get_args(annotation) if isinstance(value, str)]
    return [value for part in get_args(annotation) for value in literals_in(part)]


def _models_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[type[BaseModel]]:
    """The candidate models for the mapping at `loc`, whose union tags choose among them."""
    here = [model]
    tag_comes = False
    for part in loc:
        if isinstance(part, int):
            continue
        if tag_comes:
            here = [m for m in here if part in _tags(m)]
            tag_comes = False
            continue
        here = _models_of_field(here, part)
        tag_comes = len(here) > 1 and all("type" in m.model_fields for m in here)
    return here


def _tags(model: type[BaseModel]) -> list[str]:
    fields = [model.model_fields[name] for name in ("type", "kind") if name in model.model_fields]
    return [tag for field in fields for tag in literals_in(field.annotation)]


def _sentence(item: Any, model: type[BaseModel]) -> str:
    kind, loc, context = item["type"], item["loc"], item.get("ctx", {})
    if kind == "extra_forbidden":
        owners = _models_at(model, loc[:-1])
        tables = [*map(_removed, owners), _anywhere(model)]
        words = [word for table in tables if (word := table.get(str(loc[-1])))]
        if words:
            return _instead(words[0])
        known = sorted({n for m in owners for n in m.model_fields})
        return f"unknown key{did_you_mean(str(loc[-1]), known)}"
    if kind == "missing":
        return "required key is missing"
    if kind == "union_tag_not_found":
        return f"needs the key `type`: one of {_expected_tags(context, model, loc)}"
    if kind in ("union_tag_invalid", "literal_error"):
        got = str(context.get("tag", item.get("input")))
        expected = str(context.get("expected_tags", context.get("expected", "")))
        options = [o.strip().strip("'") for o in expected.replace(" or ", ",").split(",")]
        return f"{got!r} is not one of {', '.join(options)}{did_you_mean(got, options)}"
    if kind == "value_error":
        return str(context["error"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        keys = sorted({n for m in _models_at(model, loc) for n in m.model_fields})
        if keys:
            word = _anywhere(model).get(str(loc[-1]), "")
            more = f"; {word}" if word else ""
            return f"is a section with the keys {', '.join(keys)}; got {item.get('input')!r}{more}"
    message = str(item["msg"])
    message = message[0].lower() + message[1:]
    value = item.get("input")
    if isinstance(value, str | int | float | bool) or value is None:
        return f"{message}, got {value!r}"
    return message


def _removed(model: type[BaseModel]) -> dict[str, str]:
    return model.removed if issubclass(model, StrictModel) else {}


def _anywhere(model: type[BaseModel]) -> dict[str, str]:
    return model.removed_anywhere if issubclass(model, JobConfig) else {}


def _instead(word: str) -> str:
    return f"is not a key here: {word}"


def _expected_tags(
    context: dict[str, Any], model: type[BaseModel], loc: tuple[str | int, ...]
) -> str:
    tags = [tag for m in _models_at(model, loc) for tag in _tags(m)]
    return ", ".join(dict.fromkeys(tags))


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, or the few there are."""
    if near := nearest(word, known):
        return f", did you mean '{near}'?"
    return f"; known keys: {', '.join(known)}" if known and len(known) <= 8 else ""


def _nearest(path: Path, positions: dict[Path, Position]) -> Position:
    for length in range(len(path), -1, -1):
        if path[:length] in positions:
            return positions[path[:length]]
    return Position("(text)", 1, 1)
