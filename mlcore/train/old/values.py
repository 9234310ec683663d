"""How old values become new ones, by the name that a row of the table gives.

Each function takes the new key, the old value and the draft, and returns what to write, or raises
NotCarried with the reason. Units that change are said in the note.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from mlcore.chat.config import MessagesConfig
from mlcore.geometry.order import POLICIES
from mlcore.metrics.exporter import PLACES
from mlcore.train.config.precision import Attention
from mlcore.train.old.augmentation import augmentation, curriculum, with_augmentation
from mlcore.train.old.coord_loss import coord_part, coord_soft
from mlcore.train.old.distill import gkd, rlhf_type, visual_kd
from mlcore.train.old.draft import Draft, Made, NotCarried, flag, number
from mlcore.train.old.mixture import data_file, mixture
from mlcore.train.old.tuner import TUNER

Convert = Callable[[str, Any, Draft], Made]
SCHEDULES = {
    "linear": "linear", "cosine": "cosine", "constant": "constant",
    "constant_with_warmup": "constant", "cosine_with_min_lr": "cosine",
    "cosine_warmup_with_min_lr": "cosine",
}
MOST_PIXELS = 100_000_000
FROM_FILE = "paths are relative to the new config's file; this one is written as it stood"


def _same(to: str, value: Any, draft: Draft) -> Made:
    if value is None:
        raise NotCarried("removed", "null is today's default")
    return Made({to: value})


def _checkpoint(to: str, value: Any, draft: Draft) -> Made:
    if not isinstance(value, str) or not value:
        raise NotCarried("unsupported", f"{value!r} names no checkpoint")
    note = "" if Path(value).is_absolute() else f"{FROM_FILE}; nothing is fetched from a hub"
    return Made({to: value, "model.type": "checkpoint"}, note)


def _summary_share(to: str, value: Any, draft: Draft) -> Made:
    share = 1.0 if flag(value) else 0.0
    if draft.fused:
        raise NotCarried("removed", "each dataset of the mixture has its own summary_share")
    return Made({to: share}, "all of the steps" if share else "none of the steps")


def _train_file(to: str, value: Any, draft: Draft) -> Made:
    if draft.fused:
        raise NotCarried("removed", "the mixture names its own files")
    folder, split = data_file(value)
    note = f"the folder with its dataset.json, and the split by the file's name; {FROM_FILE}"
    return Made({to: folder, "data.train_split": split}, note)


def _val_file(to: str, value: Any, draft: Draft) -> Made:
    if draft.fused:
        raise NotCarried("removed", "each target of the mixture has its own val_split")
    folder, split = data_file(value)
    if draft.new.get("data.dataset") != folder:
        draft.withdraw("data.dataset", "one folder that holds both the train and the val split")
    return Made({to: split}, "a split of the same dataset")


def _max_pixels(to: str, value: Any, draft: Draft) -> Made:
    pixels = int(number(value))
    if pixels > MOST_PIXELS:
        raise NotCarried("removed", "it stood for no cap; today there is one, and never a resize")
    return Made({to: pixels})


def _profile(to: str, value: Any, draft: Draft) -> Made:
    if not flag(draft.given("custom.use_summary") or False) and not draft.fused:
        raise NotCarried("removed", "it was for summaries, which this run did not ask for")
    return Made({"messages.summary_profile" if draft.fused else to: value})


def _for_summaries(to: str, value: Any, draft: Draft) -> Made:
    if not flag(draft.given("custom.use_summary") or False):
        raise NotCarried("removed", "it was for summaries, which this run did not ask for")
    return _same(to, value, draft)


def _prompt_text(to: str, value: Any, draft: Draft) -> Made:
    if not isinstance(value, str) or not value.endswith(".txt"):
        return _same(to, value, draft)
    file = draft.beside.read(value)
    if file is not None:
        return Made({to: file.text.strip()}, f"the text of {file.path}")
    draft.fill_in[to] = f"the text of {value}, which is not here"
    raise NotCarried("removed", f"{value} cannot be read; write its text under {to}")


def _grammar(to: str, value: Any, draft: Draft) -> Made:
    return Made({to: "coordjson" if flag(value) else "objectjson"})


def _emit_norm(to: str, value: Any, draft: Draft) -> Made:
    if draft.new.get("messages.answer.grammar") == "coordjson":
        raise NotCarried("removed", "coordinate tokens are always 0..999 of the image's side")
    return Made({to: value, "messages.answer.grammar": "objectjson"})


def _policy(to: str, value: Any, draft: Draft) -> Made:
    if value not in POLICIES:
        raise NotCarried("unsupported", f"there are the orders {', '.join(POLICIES)}")
    return Made({to: value})


def _ordering(to: str, value: Any, draft: Draft) -> Made:
    if value != "sorted":
        raise NotCarried("unsupported", "a shuffled order of objects is not in this version")
    return Made({to: "reference_tlbr"}, "top first, then left, by the reference point")


def _prefix(to: str, value: Any, draft: Draft) -> Made:
    try:
        MessagesConfig.model_validate({"assistant_prefix": value, "domain": "bbu"})
    except ValidationError as error:
        raise NotCarried("unsupported", str(error.errors()[0]["msg"])) from error
    return Made({to: value})


def _micro_batch(to: str, value: Any, draft: Draft) -> Made:
    if draft.given("training.effective_batch_size") is not None:
        return Made({to: value})
    steps = draft.given("training.gradient_accumulation_steps") or 1
    whole = int(number(value) * number(steps))
    note = "batch_size is that of one process; multiply it by the processes of the old run"
    return Made({to: value, "batch_size": whole}, note)


def _accumulation(to: str, value: Any, draft: Draft) -> Made:
    if to not in draft.new:
        raise NotCarried("unsupported", "without a batch of one process it says no batch_size")
    raise NotCarried("removed", "it follows from batch_size and micro_batch")


def _max_steps(to: str, value: Any, draft: Draft) -> Made:
    if number(value) <= 0:
        raise NotCarried("removed", "it said: until the epochs are over")
    return Made({to: value})


def _epochs(to: str, value: Any, draft: Draft) -> Made:
    epochs = number(value)
    if to in draft.new:
        raise NotCarried("removed", "max_steps counted before it, and steps does now")
    records = None if draft.fused else _lines(draft)
    batch = draft.new.get("batch_size")
    if not records or not isinstance(batch, int) or batch < 1:
        missing = "the batch size" if records else "the training file"
        draft.fill_in[to] = f"{epochs:g} epochs: {epochs:g} x records / batch_size, rounded up"
        raise NotCarried("removed", f"write steps; {missing} is needed to turn epochs into them")
    steps = math.ceil(epochs * records / batch)
    note = f"{epochs:g} epochs of {records:,} records in batches of {batch}, rounded up"
    return Made({to: steps}, note)


def _lines(draft: Draft) -> int | None:
    name = draft.given("custom.train_jsonl") or draft.given("custom.jsonl")
    return draft.beside.records(name) if isinstance(name, str) else None


def _optimizer(to: str, value: Any, draft: Draft) -> Made:
    if value != "multimodal" and not str(value).startswith("adamw"):
        raise NotCarried("unsupported", "the optimisers are adamw and muon")
    return Made({to: "adamw"})


def _clip(to: str, value: Any, draft: Draft) -> Made:
    if number(value) <= 0:
        return Made({to: None}, "0 clipped nothing, and null says so")
    return Made({to: value})


def _schedule(to: str, value: Any, draft: Draft) -> Made:
    if value not in SCHEDULES:
        raise NotCarried("unsupported", "the schedules are constant, linear and cosine")
    kwargs = draft.given("training.lr_scheduler_kwargs") or {}
    if SCHEDULES[value] == "constant" or {"min_lr", "min_lr_rate"} & set(kwargs):
        return Made({to: SCHEDULES[value]})
    return Made({to: SCHEDULES[value], "optim.floor": 0.0}, "it fell to 0: optim.floor says so")


def _min_lr(to: str, value: Any, draft: Draft) -> Made:
    peak = draft.given("training.learning_rate")
    if peak is None or number(peak) <= 0:
        raise NotCarried("unsupported", "a share of the peak is needed, and there is no peak")
    floor = float(f"{number(value) / number(peak):.9g}")
    return Made({to: floor}, f"{value} as a share of the peak {peak}")


def _warmup_steps(to: str, value: Any, draft: Draft) -> Made:
    if number(value) <= 0 and draft.given("training.warmup_ratio"):
        raise NotCarried("removed", "warmup_ratio counted instead")
    return Made({to: value})


def _warmup_ratio(to: str, value: Any, draft: Draft) -> Made:
    if "optim.warmup_steps" in draft.new:
        raise NotCarried("removed", "warmup_steps counted before it")
    return Made({to: number(value)})


def _weights_only(to: str, value: Any, draft: Draft) -> Made:
    return Made({to: "weights_only" if flag(value) else "restartable"})


def _delay(to: str, value: Any, draft: Draft) -> Made:
    if number(value) <= 0:
        raise NotCarried("removed", "0 delayed nothing, as no key does")
    if "checkpoint.delay_steps" in draft.new:
        raise NotCarried("removed", "the delay in steps counted before it")
    return Made({to: value})


def _attention(to: str, value: Any, draft: Draft) -> Made:
    name = "flash_attention_2" if value in ("flash_attn", "flash_attn_2") else value
    if name not in get_args(Attention):
        raise NotCarried("unsupported", f"the kinds are {', '.join(get_args(Attention))}")
    return Made({to: name})


def _group_rate(to: str, value: Any, draft: Draft) -> Made:
    if number(value) <= 0:
        raise NotCarried("unsupported", "a rate of 0 trains nothing: freeze that part instead")
    return Made({to: value})


def _betas(to: str, value: Any, draft: Draft) -> Made:
    pair = []
    for key, default in (("adam_beta1", 0.9), ("adam_beta2", 0.999)):
        given = draft.given(f"training.{key}")
        pair.append(default if given is None else number(given))
    return Made({to: pair}, "both in one pair")


def _interval(to: str, value: Any, draft: Draft) -> Made:
    every = number(value)
    if every >= 1:
        return Made({to: int(every)})
    steps = draft.new.get("steps")
    if every <= 0 or not isinstance(steps, int):
        raise NotCarried("unsupported", "an interval is a number of steps, at least 1")
    return Made({to: math.ceil(every * steps)}, f"{every:g} of {steps} steps, rounded up")


def _eval_strategy(to: str, value: Any, draft: Draft) -> Made:
    # YAML 1.1, which older parsers read, takes `no` as false.
    if str(value).lower() in ("no", "none", "false"):
        return Made({to: 0}, "no looks while training")
    if value != "steps":
        raise NotCarried("unsupported", "looks are counted in steps: evaluation.every_steps")
    raise NotCarried("removed", "evaluation.every_steps says when")


def _truncation(to: str, value: Any, draft: Draft) -> Made:
    if value == "raise" or draft.given("global_max_length") is not None:
        forced = "" if value == "raise" else "global_max_length made it `raise`: "
        return Made({to: 0.0}, f"{forced}the first sample that is too long stops the run")
    raise NotCarried("unsupported", "no answer is cut: longer samples are left out and counted")


def _dtype(to: str, value: Any, draft: Draft) -> Made:
    if value not in ("float32", "bfloat16"):
        raise NotCarried("unsupported", "weights are float32 or bfloat16")
    return Made({to: value})


def _bf16(to: str, value: Any, draft: Draft) -> Made:
    if not flag(value):
        raise NotCarried("removed", "dtype says it")
    return Made({to: "bfloat16"})


def _json_format(to: str, value: Any, draft: Draft) -> Made:
    if value != "standard":
        raise NotCarried("unsupported", "answers are coordjson or objectjson: messages.answer")
    raise NotCarried("removed", "it is the one form of objectjson")


def _unless_off(to: str, value: Any, draft: Draft) -> Made:
    if value is not None and flag(value):
        raise NotCarried("unsupported", "")
    raise NotCarried("removed", "it was off, and is not there")


def _report_to(to: str, value: Any, draft: Draft) -> Made:
    names = [value] if isinstance(value, str) else list(value or [])
    kept = [name for name in PLACES if name in names]
    if not kept:
        raise NotCarried("removed", "metric events are part of the run folder")
    left = ", ".join(str(name) for name in names if name not in kept)
    return Made({to: kept}, f"not to {left}" if left else "")


def _switch(to: str, value: Any, draft: Draft) -> Made:
    return Made({to: flag(value)})


def _selectors(to: str, value: Any, draft: Draft) -> Made:
    names = list(value) if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) and name for name in names):
        raise NotCarried("removed", "no dataset is named")
    return Made({to: names}, "names, their first words or domains; choosing none is an error")


CONVERTERS: dict[str, Convert] = {
    "rlhf_type": rlhf_type, "gkd": gkd, "visual_kd": visual_kd,
    "coord_soft": coord_soft, "coord_part": coord_part,
    "same": _same, "checkpoint": _checkpoint, "mixture": mixture,
    "summary_share": _summary_share, "train_file": _train_file, "val_file": _val_file,
    "max_pixels": _max_pixels, "augmentation": augmentation, "curriculum": curriculum,
    "with_augmentation": with_augmentation, "profile": _profile,
    "for_summaries": _for_summaries, "prompt_text": _prompt_text, "grammar": _grammar,
    "emit_norm": _emit_norm, "policy": _policy, "ordering": _ordering, "prefix": _prefix,
    "micro_batch": _micro_batch, "accumulation": _accumulation, "max_steps": _max_steps,
    "epochs": _epochs, "optimizer": _optimizer, "clip": _clip, "schedule": _schedule,
    "min_lr": _min_lr, "warmup_steps": _warmup_steps, "warmup_ratio": _warmup_ratio,
    "group_rate": _group_rate, "weights_only": _weights_only, "delay": _delay,
    "attention": _attention, "betas": _betas,
    "interval": _interval, "eval_strategy": _eval_strategy, "truncation": _truncation,
    "dtype": _dtype, "bf16": _bf16, "json_format": _json_format,
    "unless_off": _unless_off, "report_to": _report_to, "switch": _switch,
    "selectors": _selectors, **TUNER,
}
