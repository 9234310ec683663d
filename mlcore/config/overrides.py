"""Changes to a composed config from outside its files: `--set` and bound inputs.

`--set a.b=c` takes only keys marked runtime (paths, topology, dtype, limits, debug): what a run
computes is in its files. Inputs go only to fields that are inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlcore.config.base import InputPort
from mlcore.config.compose import Composed
from mlcore.config.explain import models_in
from mlcore.config.yaml_tree import Path, Position, read_yaml
from mlcore.errors import Problem


@dataclass(frozen=True)
class InputUse:
    """One input that a config names: dotted path, what it must be, and the reference."""

    path: str
    type: str
    ref: str


def inputs_of(model: BaseModel) -> list[InputUse]:
    """Every input reference in a config, in field order."""
    return list(_walk_model(model, ""))


def _walk_model(model: BaseModel, prefix: str) -> Iterator[InputUse]:
    for name, field in type(model).model_fields.items():
        value = model.__dict__[name]
        yield from _walk(value, _annotation(field), f"{prefix}{name}")


def _annotation(field: FieldInfo) -> Any:
    ports = [item for item in field.metadata if isinstance(item, InputPort)]
    return Annotated[field.annotation, ports[0]] if ports else field.annotation


def _walk(value: Any, annotation: Any, path: str) -> Iterator[InputUse]:
    if isinstance(value, BaseModel):
        yield from _walk_model(value, f"{path}.")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, _port_only(annotation), f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, _port_only(annotation), f"{path}.{index}")
    elif isinstance(value, str) and (port := _port(annotation)) and port.takes(value):
        yield InputUse(path, port.type, value)


def _port_only(annotation: Any) -> Any:
    port = _port(annotation)
    return Annotated[str, port] if port else annotation


def _port(annotation: Any) -> InputPort | None:
    if get_origin(annotation) is Annotated:
        for item in get_args(annotation)[1:]:
            if isinstance(item, InputPort):
                return item
    for part in get_args(annotation):
        found = _port(part)
        if found:
            return found
    return None


def apply_inputs(
    composed: Composed, model: type[BaseModel], inputs: Mapping[str, str]
) -> list[Problem]:
    """Put references at dotted paths. Returns a problem for each path that is no input."""
    problems = []
    for path, ref in inputs.items():
        field = _field_at(model, path.split("."))
        if field is None or _port(_annotation(field)) is None:
            problems.append(Problem("(inputs)", 1, 1, path, "is not an input of this kind"))
        else:
            problem = _put(composed, path, ref, "input")
            problems += [problem] if problem else []
    return problems


def apply_overrides(
    composed: Composed, model: type[BaseModel], overrides: Sequence[str]
) -> list[Problem]:
    """Apply `a.b=c`. Returns a problem for each that is malformed, unknown or not runtime."""
    problems = []
    for text in overrides:
        path, equals, value_text = text.partition("=")
        tree = read_yaml(f"value: {value_text}", "--set")
        message = ""
        if not equals or not path:
            message = "must be written as key.path=value"
        elif tree.problems:
            message = tree.problems[0].message
        elif not is_runtime(model, path.split(".")):
            message = "cannot be set from outside: only keys marked runtime can; edit the config"
        if message:
            problems.append(Problem("--set", 1, 1, path or text, message))
        else:
            problem = _put(composed, path, tree.data["value"], "--set")
            problems += [problem] if problem else []
    return problems


def _put(composed: Composed, path: str, value: Any, origin: str) -> Problem | None:
    """Write a value at a dotted path; groups are made on the way, items of lists must be there."""
    parts: list[str | int] = []
    here: Any = composed.data
    *groups, last = path.split(".")
    for part in groups:
        key = _key_in(here, part)
        if key is None:
            return _no_item(origin, path, part)
        parts.append(key)
        child = here.setdefault(key, {}) if isinstance(here, dict) else here[int(key)]
        if not isinstance(child, dict | list):
            here[key] = child = {}
        here = child
    key = _key_in(here, last)
    if key is None:
        return _no_item(origin, path, last)
    here[key] = value
    place = (*parts, key)
    for known in [p for p in composed.positions if p[: len(place)] == place]:
        del composed.positions[known]
    composed.positions |= {path: Position(origin, 1, 1) for path in _paths(value, place)}
    return None


def _paths(value: Any, place: Path) -> Iterator[Path]:
    """The place of a value and of everything inside it."""
    yield place
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from _paths(item, (*place, key))


def _no_item(origin: str, path: str, part: str) -> Problem:
    file = "(inputs)" if origin == "input" else origin
    return Problem(file, 1, 1, path, f"the list has no item {part}")


def _key_in(here: dict[str, Any] | list[Any], part: str) -> str | int | None:
    """The key or index that a part of a path means here; None for an item that a list lacks."""
    if isinstance(here, dict):
        return part
    return int(part) if part.isdigit() and int(part) < len(here) else None


def is_runtime(model: type[BaseModel], parts: list[str]) -> bool:
    """Whether a dotted path lies at or under a key marked runtime."""
    fields = _fields_along(model, parts)
    return fields is not None and any(_marked(field) for field in fields)


def _marked(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get("runtime") is True


def _field_at(model: type[BaseModel], parts: list[str]) -> FieldInfo | None:
    fields = _fields_along(model, parts)
    return fields[-1] if fields else None


def _fields_along(model: type[BaseModel], parts: list[str]) -> list[FieldInfo] | None:
    """The fields that a dotted path passes through; None when there is no such path."""
    models: list[type[BaseModel]] = [model]
    fields: list[FieldInfo] = []
    for part in parts:
        owners = [m for m in models if part in m.model_fields]
        if owners:
            field = owners[0].model_fields[part]
            fields.append(field)
            models = [n for m in owners for n in models_in(m.model_fields[part].annotation)]
        elif not (fields and get_origin(fields[-1].annotation) in (dict, list, tuple)):
            return None
    return fields
