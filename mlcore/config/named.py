"""A field whose model is chosen by its key `type` from a registry, when a config is read.

The registry is asked then, not when the field is declared, so things that were added later count.
"""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, ValidationError, core_schema

from mlcore.config.explain import did_you_mean
from mlcore.registry import Registry

Model = TypeVar("Model", bound=BaseModel)


class Named(Generic[Model]):
    """The marker of such a field: `Annotated[Op, Named(OPS, Op)]`. `base` is what all derive from.

    The schema is a union by `type` of everything registered when it is made.
    """

    def __init__(self, registry: Registry[type[Model]], base: type[Model]) -> None:
        self._registry = registry
        self._base = base

    def read(self, value: object) -> Model:
        """A thing from plain data. Raises ValidationError with every problem, or ValueError."""
        if isinstance(value, self._base):
            return value
        if not isinstance(value, dict):
            raise ValueError("needs to be a mapping with the key `type`")
        name = value.get("type")
        if not isinstance(name, str):
            raise ValueError(f"needs the key `type`: one of {', '.join(self._registry.names())}")
        try:
            model = self._registry.get(name)
        except ValueError as error:
            raise ValidationError.from_exception_data(
                self._registry.sort, [detail(("type",), name, str(error))]
            ) from error
        try:
            return model.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise _explained(error, model) from error

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        known = {n: handler.generate_schema(self._registry.get(n)) for n in self._registry.names()}
        return core_schema.no_info_plain_validator_function(
            self.read,
            json_schema_input_schema=core_schema.tagged_union_schema(known, "type"),
            serialization=core_schema.plain_serializer_function_ser_schema(_plain, info_arg=True),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = schema.get("json_schema_input_schema", schema)
        return handler(known)


def _plain(thing: BaseModel, info: core_schema.SerializationInfo) -> dict[str, Any]:
    return thing.model_dump(mode=info.mode)


def _explained(error: ValidationError, model: type[BaseModel]) -> ValidationError:
    """The same error with a did-you-mean for unknown keys, which needs the thing's own fields."""
    details: list[InitErrorDetails] = []
    for item in error.errors():
        if item["type"] == "extra_forbidden":
            near = did_you_mean(str(item["loc"][-1]), list(model.model_fields))
            details.append(detail(item["loc"], item["input"], f"unknown key{near}"))
        else:
            kept = InitErrorDetails(type=item["type"], loc=item["loc"], input=item["input"])
            if "ctx" in item:
                kept["ctx"] = item["ctx"]
            details.append(kept)
    return ValidationError.from_exception_data(model.__name__, details)


def detail(loc: tuple[str | int, ...], value: object, message: str) -> InitErrorDetails:
    """A problem of one's own at a place, for `ValidationError.from_exception_data`."""
    return InitErrorDetails(
        type="value_error", loc=loc, input=value, ctx={"error": ValueError(message)}
    )
