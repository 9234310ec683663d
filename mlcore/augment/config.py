"""The config of augmentation: `data.augmentation` of a training run, and the preview's file."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, ValidationError, core_schema

from mlcore.augment.curriculum import Curriculum, problems
from mlcore.augment.op import OPS, BarrierOp, ColourOp, Op, Share
from mlcore.augment.scene import Interpolation, Outside, Settings, TurnedBoxes
from mlcore.config.base import StrictModel
from mlcore.config.explain import did_you_mean

LAST_MOVER = "expand_to_fit"


class _ByName:
    """Validates an op against the parameters of its own class, which `type` names.

    The registry is asked when a config is read, so ops that were added after this class count.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        known = {name: handler.generate_schema(OPS.get(name)) for name in OPS.names()}
        return core_schema.no_info_plain_validator_function(
            read_op,
            json_schema_input_schema=core_schema.tagged_union_schema(known, "type"),
            serialization=core_schema.plain_serializer_function_ser_schema(_plain, info_arg=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = schema.get("json_schema_input_schema", schema)
        return handler(known)


def _plain(op: Op, info: core_schema.SerializationInfo) -> dict[str, Any]:
    return op.model_dump(mode=info.mode)


def read_op(value: object) -> Op:
    """An op from plain data. Raises ValidationError with every problem, or ValueError."""
    if isinstance(value, Op):
        return value
    if not isinstance(value, dict):
        raise ValueError("an op is a mapping with the key `type`")
    name = value.get("type")
    if not isinstance(name, str):
        raise ValueError(f"needs the key `type`: one of {', '.join(OPS.names())}")
    try:
        model = OPS.get(name)
    except ValueError as error:
        raise _at([(("type",), name, str(error))]) from error
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise _explained(error, model) from error


def _explained(error: ValidationError, model: type[Op]) -> ValidationError:
    """The same error with a did-you-mean for unknown keys, which needs the op's own fields."""
    details: list[InitErrorDetails] = []
    for item in error.errors():
        if item["type"] == "extra_forbidden":
            near = did_you_mean(str(item["loc"][-1]), list(model.model_fields))
            details.append(_detail(item["loc"], item["input"], f"unknown key{near}"))
        else:
            detail = InitErrorDetails(type=item["type"], loc=item["loc"], input=item["input"])
            if "ctx" in item:
                detail["ctx"] = item["ctx"]
            details.append(detail)
    return ValidationError.from_exception_data(model.__name__, details)


def _at(faults: list[tuple[tuple[str | int, ...], object, str]]) -> ValidationError:
    return ValidationError.from_exception_data(
        "augmentation", [_detail(loc, value, message) for loc, value, message in faults]
    )


def _detail(loc: tuple[str | int, ...], value: object, message: str) -> InitErrorDetails:
    return InitErrorDetails(
        type="value_error", loc=loc, input=value, ctx={"error": ValueError(message)}
    )


AnyOp = Annotated[Op, _ByName]
"""any registered op, chosen by `type`"""


class PatchBankConfig(StrictModel):
    """How much the patch bank holds. Copy-paste ops with `source_mode` bank or mixed use it."""

    capacity: int = Field(default=256, ge=1, le=100_000)
    """most patches for each op"""
    per_record: int = Field(default=2, ge=1, le=64)
    """most patches of one record for each op"""


class AugmentConfig(StrictModel):
    """How training samples are varied. Validation samples never are."""

    ops: tuple[AnyOp, ...]
    """the ops in their order; what moves the picture comes first, colours after all of that"""
    bypass_prob: Share = 0.0
    """share of samples that stay exactly as they are"""
    curriculum: Curriculum | None = None
    """strengths that change while training"""
    completeness_threshold: Share = 0.95
    """an object of which less is left is called partly visible; crops have their own threshold"""
    outside: Outside = "drop"
    """what becomes of an object that a map moved out of the picture: it goes, or it stays squeezed
    onto the border and flagged, which the contract refuses but a preview can show"""
    turned_boxes: TurnedBoxes = "poly"
    """a box that turns becomes the polygon of its corners, or the upright box that encloses it"""
    patch_bank: PatchBankConfig = Field(default_factory=PatchBankConfig)
    """the store of patches for copy-paste"""
    interpolation: Interpolation = "cubic"
    """how pictures are resampled; linear is faster and softer"""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = [
            _detail(
                ("ops", number, "type"), op.type,
                f"{LAST_MOVER} must be the last op that moves anything; {later} follows it",
            )
            for number, op in enumerate(self.ops)
            if op.type == LAST_MOVER
            for later in [o.type for o in self.ops[number + 1 :] if not isinstance(o, ColourOp)][:1]
        ]
        if not self.ops:
            faults.append(_detail(("ops",), [], "names no op"))
        if self.curriculum is not None:
            for fault in problems(self.curriculum, self.ops):
                fault["loc"] = ("curriculum", *fault.get("loc", ()))
                faults.append(fault)
        if faults:
            raise ValidationError.from_exception_data("augmentation", faults)
        return self

    @property
    def settings(self) -> Settings:
        """What holds for every op."""
        return Settings(
            self.interpolation, self.outside, self.turned_boxes, self.completeness_threshold
        )

    @property
    def drops_objects(self) -> bool:
        """True where an op of the list can take objects away."""
        return any(isinstance(op, BarrierOp) and "min_coverage" in op.__dict__ for op in self.ops)
