"""Every row of the table of old keys does what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mlcore.config.compose import Source
from mlcore.config.yaml_tree import read_yaml
from mlcore.train.old.beside import Sent
from mlcore.train.old.keys import TABLE, Row
from mlcore.train.old.migrate import ConfigMigration, migrated
from mlcore.train.old.values import CONVERTERS

Case = tuple[Any, dict[str, Any], str, dict[str, Any]]
"""value of the key, other old keys (dotted), expected status, expected new keys (dotted)"""
TRAIN = {"custom.train_jsonl": "d/train.jsonl"}
EFFECTIVE = {"training.effective_batch_size": 8}
HFLIP = {"custom.augmentation": {"ops": [{"name": "hflip"}]}}
PHASES = {"phases": [{"until_percent": 0.5, "bypass_prob": 0.0}]}
LORA = {"tuner.train_type": "lora"}
SUMMARY = {"custom.use_summary": True}

TYPES = "telemetry.token_type_metrics"

GKD = {"rlhf.rlhf_type": "gkd"}
SOFT = {"custom.coord_soft_ce_w1.enabled": True}
ZERO = {f"custom.coord_soft_ce_w1.{key}": 0 for key in ("soft_ce_weight", "w1_weight")}
CASES: dict[str, list[Case]] = {
    "rlhf.rlhf_type": [
        ("gkd", {}, "carried", {"distill.lmbda": 0.5}),
        ("gkd", {"rlhf.lmbda": 0.0}, "removed", {"distill.lmbda": 0.0}),
        ("grpo", {}, "unsupported", {"distill": ...}),
    ],
    "rlhf.teacher_model": [
        ("/m/base", GKD, "carried", {"distill.teacher": "/m/base"}),
        ("/m/base", {}, "unsupported", {"distill": ...}),
    ],
    "rlhf.sft_alpha": [(0.5, GKD, "carried", {"distill.sft_alpha": 0.5})],
    "rlhf.llm_kd_weight": [(0.5, GKD, "carried", {"distill.llm_kd_weight": 0.5})],
    "rlhf.beta": [
        (0.1, GKD, "carried", {"distill.beta": 0.1}),
        (None, GKD, "removed", {"distill.beta": ...}),
        (0.1, {"rlhf.rlhf_type": "grpo"}, "unsupported", {"distill": ...}),
    ],
    "rlhf.lmbda": [(0.2, GKD, "carried", {"distill.lmbda": 0.2})],
    "rlhf.seq_kd": [("yes", GKD, "carried", {"distill.seq_kd": True})],
    "rlhf.max_completion_length": [
        (64, GKD, "carried", {"distill.max_completion_length": 64}),
    ],
    "rlhf.temperature": [(0.9, GKD, "carried", {"distill.sampling.temperature": 0.9})],
    "custom.visual_kd.enabled": [
        (
            True,
            {"custom.visual_kd.vit.enabled": True, "custom.visual_kd.vit.weight": 0.2},
            "carried",
            {"distill.vision.vit.weight": 0.2},
        ),
        (True, {}, "unsupported", {"distill": ...}),
        (False, {}, "removed", {"distill": ...}),
    ],
    "custom.coord_soft_ce_w1.enabled": [
        (
            True,
            {},
            "carried",
            {
                "coord_loss": {
                    "ce_weight": 0.0, "soft_ce_weight": 1.0, "w1_weight": 1.0, "gate_weight": 1.0,
                    "temperature": 1.0, "sigma_start": 2.0, "sigma_end": 2.0, "mean_over": "kind",
                }
            },
        ),
        (True, {**ZERO, "custom.coord_soft_ce_w1.gate_weight": 0}, "unsupported",
         {"coord_loss": None}),
        (True, {"custom.coord_soft_ce_w1.temperature": 0}, "unsupported", {"coord_loss": None}),
        (False, {}, "removed", {"coord_loss": None}),
    ],
    "custom.coord_soft_ce_w1.ce_weight": [(1, SOFT, "carried", {"coord_loss.ce_weight": 1.0})],
    "custom.coord_soft_ce_w1.soft_ce_weight": [
        (2, SOFT, "carried", {"coord_loss.soft_ce_weight": 2.0}),
        (None, SOFT, "removed", {"coord_loss.soft_ce_weight": 1.0}),
    ],
    "custom.coord_soft_ce_w1.w1_weight": [
        (3, SOFT, "carried", {"coord_loss.w1_weight": 3.0}),
        (3, {}, "removed", {"coord_loss": None}),
        ("much", SOFT, "unsupported", {"coord_loss": None}),
    ],
    "custom.coord_soft_ce_w1.gate_weight": [(5, SOFT, "carried", {"coord_loss.gate_weight": 5.0})],
    "custom.coord_soft_ce_w1.temperature": [
        (0.9, SOFT, "carried", {"coord_loss.temperature": 0.9}),
    ],
    "custom.coord_soft_ce_w1.target_sigma": [
        (1.5, SOFT, "carried", {"coord_loss.sigma_start": 1.5, "coord_loss.sigma_end": 1.5}),
    ],
    "custom.coord_soft_ce_w1.target_truncate": [
        (8, SOFT, "carried", {"coord_loss.truncate": 8}),
        (None, SOFT, "removed", {"coord_loss.truncate": ...}),
    ],
    "training.report_to": [
        (["tensorboard", "wandb"], {}, "carried", {"telemetry.exporters": ["tensorboard"]}),
        ("mlflow", {}, "carried", {"telemetry.exporters": ["mlflow"]}),
        ("none", {}, "removed", {"telemetry": ...}),
        ([], {}, "removed", {"telemetry": ...}),
    ],
    "custom.token_type_metrics.enabled": [
        ("yes", TRAIN, "carried", {f"{TYPES}.enabled": True}),
        (3, TRAIN, "unsupported", {TYPES: ...}),
    ],
    "custom.token_type_metrics.include": [
        (["data"], TRAIN, "carried", {f"{TYPES}.include": ["data"]}),
        ([], TRAIN, "removed", {TYPES: ...}),
    ],
    "custom.token_type_metrics.exclude": [
        (["coig"], TRAIN, "carried", {f"{TYPES}.exclude": ["coig"]}),
        ("coig", TRAIN, "removed", {TYPES: ...}),
    ],
    "model.model": [
        ("/m/base", {}, "carried", {"model.checkpoint": "/m/base", "model.type": "checkpoint"}),
        (3, {}, "unsupported", {"model.checkpoint": None}),
    ],
    "custom.fusion_config": [("gone.yaml", {}, "removed", {"data.targets": None})],
    "custom.train_jsonl": [
        ("d/e/part.jsonl", {}, "carried", {"data.dataset": "d/e", "data.train_split": "part"}),
        ("train.jsonl", {}, "carried", {"data.dataset": "."}),
        ("d/train.json", {}, "unsupported", {"data.dataset": None}),
        ("d/train.jsonl", {"custom.fusion_config": "gone.yaml"}, "removed", {}),
    ],
    "custom.jsonl": [("d/train.jsonl", {}, "carried", {"data.dataset": "d"})],
    "custom.val_jsonl": [
        ("d/val.jsonl", TRAIN, "carried", {"data.dataset": "d", "data.val_split": "val"}),
        ("e/val.jsonl", TRAIN, "carried", {"data.dataset": None}),
        ("d/val.jsonl", {"custom.fusion_config": "gone.yaml"}, "removed", {}),
    ],
    "custom.use_summary": [
        (True, {}, "carried", {"data.summary_share": 1.0}),
        ("no", {}, "carried", {"data.summary_share": 0.0}),
        ("maybe", {}, "unsupported", {"data.summary_share": 0.0}),
    ],
    "template.max_pixels": [
        (786432, {}, "carried", {"data.max_pixels": 786432}),
        ("1048576", {}, "carried", {"data.max_pixels": 1048576}),
        (10**12, {}, "removed", {"data.max_pixels": ...}),
    ],
    "custom.augmentation": [
        ({"ops": [{"name": "hflip", "params": {"prob": 0.25}}], "bypass_prob": 0.1}, {}, "carried",
         {"data.augmentation.ops": [{"type": "hflip", "prob": 0.25}],
          "data.augmentation.bypass_prob": 0.1}),
        ({"enabled": False, "ops": [{"name": "hflip"}]}, {}, "removed", {"data.augmentation": ...}),
        ({"ops": [{"name": "warp"}]}, {}, "unsupported", {"data.augmentation": ...}),
        (None, {}, "removed", {"data.augmentation": ...}),
    ],
    "custom.bypass_prob": [
        (0.2, HFLIP, "carried", {"data.augmentation.bypass_prob": 0.2}),
        (0.2, {}, "removed", {"data.augmentation": ...}),
    ],
    "custom.augmentation_curriculum": [
        (PHASES, HFLIP, "carried", {"data.augmentation.curriculum": {
            "phases": [{"until_percent": 50.0, "bypass_prob": 0.0}]}}),
        (PHASES, {}, "removed", {"data.augmentation": ...}),
        ({"steps": 3}, HFLIP, "unsupported", {"data.augmentation.curriculum": ...}),
    ],
    "prompts.domain": [("bbu", {}, "carried", {"messages.domain": "bbu"})],
    "prompts.profile": [
        ("summary_runtime", {**SUMMARY, "prompts.domain": "rru"}, "carried",
         {"messages.profile": "summary_runtime"}),
        ("summary_runtime", {}, "removed", {"messages.profile": ...}),
    ],
    "prompts.system": [("Look.", {}, "carried", {"messages.system": "Look."})],
    "custom.system_prompt_summary": [
        ("Sum.", SUMMARY, "carried", {"messages.system": "Sum."}),
        ("Sum.", {}, "removed", {"messages.system": ...}),
    ],
    "template.system": [
        ("Look.", {}, "carried", {"messages.system": "Look."}),
        ("Look.", {"prompts.system": "See."}, "removed", {"messages.system": "See."}),
    ],
    "prompts.user": [("List.", {}, "carried", {"messages.user": "List."})],
    "custom.user_prompt": [
        ("List.", {}, "carried", {"messages.user": "List."}),
        ("gone.txt", {}, "removed", {"messages.user": None}),
    ],
    "custom.coord_tokens.enabled": [
        (True, {}, "carried", {"messages.answer.grammar": "coordjson",
                               "messages.object_order": "reference_tlbr"}),
        (False, {}, "carried", {"messages.answer.grammar": "objectjson"}),
    ],
    "custom.emit_norm": [
        ("norm100", {}, "carried", {"messages.answer.grammar": "objectjson",
                                    "messages.answer.emit_norm": "norm100"}),
        ("none", {"custom.coord_tokens.enabled": True}, "removed",
         {"messages.answer.emit_norm": ...}),
    ],
    "custom.object_field_order": [
        ("geometry_first", {}, "carried", {"messages.answer.field_order": "geometry_first"}),
    ],
    "custom.object_ordering_policy": [
        ("center_tlbr", {}, "carried", {"messages.object_order": "center_tlbr"}),
        ("by_moon", {}, "unsupported", {"messages.object_order": ...}),
    ],
    "custom.object_ordering": [
        ("sorted", {}, "carried", {"messages.object_order": "reference_tlbr"}),
        ("random", {}, "unsupported", {"messages.object_order": ...}),
    ],
    "custom.assistant_prefix_format": [
        ("<DOMAIN={domain}>, <TASK={task}>", {"prompts.domain": "bbu"}, "carried",
         {"messages.assistant_prefix": "<DOMAIN={domain}>, <TASK={task}>"}),
        ("<{moon}>", {}, "unsupported", {"messages.assistant_prefix": ...}),
    ],
    "training.run_name": [("try-1", {}, "carried", {"name": "try-1"})],
    "training.seed": [(17, {}, "carried", {"seed": 17})],
    "training.effective_batch_size": [(32, {}, "carried", {"batch_size": 32})],
    "training.per_device_train_batch_size": [
        (2, EFFECTIVE, "carried", {"micro_batch": 2, "batch_size": 8}),
        (2, {"training.gradient_accumulation_steps": 4}, "carried",
         {"micro_batch": 2, "batch_size": 8}),
    ],
    "training.gradient_accumulation_steps": [
        (4, EFFECTIVE, "removed", {"batch_size": 8}),
        (4, {}, "unsupported", {"batch_size": ...}),
    ],
    "training.max_steps": [
        (500, {}, "carried", {"steps": 500}),
        (-1, {}, "removed", {"steps": None}),
    ],
    "training.num_train_epochs": [
        (3, {}, "removed", {"steps": None}),
        (3, {"training.max_steps": 7}, "removed", {"steps": 7}),
    ],
    "training.learning_rate": [(1e-4, {}, "carried", {"optim.lr": 1e-4})],
    "training.save_only_model": [
        (True, {}, "carried", {"checkpoint.type": "weights_only"}),
        (False, {}, "carried", {"checkpoint.type": "restartable"}),
    ],
    "training.save_delay_steps": [
        (200, {}, "carried", {"checkpoint.delay_steps": 200}),
        (0, {}, "removed", {"checkpoint": ...}),
    ],
    "training.save_delay_epochs": [
        (1.5, {}, "carried", {"checkpoint.delay_epochs": 1.5}),
        (1.5, {"training.save_delay_steps": 9}, "removed", {"checkpoint.delay_epochs": ...}),
    ],
    "training.gradient_checkpointing": [
        ("yes", {}, "carried", {"gradient_checkpointing": True}),
    ],
    "data.dataloader_num_workers": [(8, {}, "carried", {"loading.workers": 8})],
    "training.dataloader_num_workers": [(8, {}, "carried", {"loading.workers": 8})],
    "data.pin_memory": [(False, {}, "carried", {"loading.pin_memory": False})],
    "data.dataloader_pin_memory": [(True, {}, "carried", {"loading.pin_memory": True})],
    "model.attn_impl": [
        ("flash_attn", {}, "carried", {"attention": "flash_attention_2"}),
        ("sdpa", {}, "carried", {"attention": "sdpa"}),
        ("magic", {}, "unsupported", {"attention": ...}),
    ],
    "training.vit_lr": [
        (5e-5, {}, "carried", {"optim.vit_lr": 5e-5}),
        (0, {}, "unsupported", {"optim.vit_lr": ...}),
    ],
    "training.aligner_lr": [(2e-4, {}, "carried", {"optim.aligner_lr": 2e-4})],
    "training.adam_beta1": [
        (0.8, {"training.adam_beta2": 0.98}, "carried", {"optim.betas": [0.8, 0.98]}),
    ],
    "training.adam_beta2": [(0.98, {}, "carried", {"optim.betas": [0.9, 0.98]})],
    "training.adam_epsilon": [(1e-6, {}, "carried", {"optim.eps": 1e-6})],
    "training.optimizer": [
        ("multimodal", {}, "carried", {"optim.optimizer": "adamw"}),
        ("lion", {}, "unsupported", {"optim.optimizer": "adamw"}),
    ],
    "training.optim": [("adamw_torch_fused", {}, "carried", {"optim.optimizer": "adamw"})],
    "training.weight_decay": [(0.1, {}, "carried", {"optim.weight_decay": 0.1})],
    "training.max_grad_norm": [
        (0.5, {}, "carried", {"optim.clip": 0.5}),
        (0, {}, "carried", {"optim.clip": None}),
    ],
    "training.lr_scheduler_type": [
        ("linear", {}, "carried", {"optim.schedule": "linear", "optim.floor": 0.0}),
        ("constant_with_warmup", {}, "carried",
         {"optim.schedule": "constant", "optim.floor": ...}),
        ("cosine_with_min_lr", {"training.lr_scheduler_kwargs.min_lr_rate": 0.1}, "carried",
         {"optim.schedule": "cosine", "optim.floor": 0.1}),
        ("polynomial", {}, "unsupported", {"optim.schedule": ...}),
    ],
    "training.lr_scheduler_kwargs.min_lr": [
        (1e-6, {"training.learning_rate": 1e-4}, "carried", {"optim.floor": 0.01}),
        (1e-6, {}, "unsupported", {"optim.floor": ...}),
    ],
    "training.lr_scheduler_kwargs.min_lr_rate": [(0.1, {}, "carried", {"optim.floor": 0.1})],
    "training.warmup_steps": [
        (20, {}, "carried", {"optim.warmup_steps": 20}),
        (0, {"training.warmup_ratio": 0.1, "training.max_steps": 55}, "removed",
         {"optim.warmup_steps": ..., "optim.warmup_ratio": 0.1}),
    ],
    "training.warmup_ratio": [
        (0.1, {}, "carried", {"optim.warmup_ratio": 0.1}),
        (0, {}, "carried", {"optim.warmup_ratio": 0}),
        (0.1, {"training.warmup_steps": 9}, "removed", {"optim.warmup_steps": 9}),
    ],
    "training.save_steps": [
        (500, {}, "carried", {"checkpoint.every_steps": 500}),
        (0.1, {"training.max_steps": 55}, "carried", {"checkpoint.every_steps": 6}),
        (0, {}, "unsupported", {"checkpoint": ...}),
    ],
    "training.save_total_limit": [
        (2, {}, "carried", {"checkpoint.keep": 2}),
        (None, {}, "removed", {"checkpoint": ...}),
    ],
    "training.eval_steps": [(250, {}, "carried", {"evaluation.every_steps": 250})],
    "training.eval_strategy": [
        ("no", {}, "carried", {"evaluation.images": 0}),
        (False, {}, "carried", {"evaluation.images": 0}),
        ("steps", {}, "removed", {"evaluation": ...}),
        ("epoch", {}, "unsupported", {"evaluation": ...}),
    ],
    "training.logging_steps": [(10, {}, "carried", {"log_every": 10})],
    "global_max_length": [(12000, {}, "carried", {"global_max_length": 12000})],
    "template.max_length": [
        (4096, {}, "carried", {"global_max_length": 4096}),
        (4096, {"global_max_length": 8192}, "removed", {"global_max_length": 8192}),
    ],
    "model.max_model_len": [(4096, {}, "carried", {"global_max_length": 4096})],
    "template.truncation_strategy": [
        ("raise", {}, "carried", {"over_length.max_share": 0.0}),
        ("right", {"global_max_length": 512}, "carried", {"over_length.max_share": 0.0}),
        ("right", {}, "unsupported", {"over_length": ...}),
    ],
    "model.torch_dtype": [
        ("bfloat16", {}, "carried", {"dtype": "bfloat16"}),
        ("float16", {}, "unsupported", {"dtype": ...}),
    ],
    "training.bf16": [
        (True, {}, "carried", {"dtype": "bfloat16"}),
        (True, {"model.torch_dtype": "float32"}, "removed", {"dtype": "float32"}),
        (False, {}, "removed", {"dtype": ...}),
    ],
    "tuner.train_type": [
        ("lora", {}, "carried", {"tuning.type": "lora", "tuning.rank": 8}),
        ("full", {}, "carried", {"tuning.type": "full", "tuning.freeze_vit": True}),
        ("longlora", {}, "unsupported", {"tuning": ...}),
    ],
    "tuner.freeze_llm": [
        (True, LORA, "carried", {"tuning.freeze_llm": True}),
        ("perhaps", LORA, "unsupported", {}),
    ],
    "tuner.freeze_vit": [(False, LORA, "carried", {"tuning.freeze_vit": False})],
    "tuner.freeze_aligner": [
        (False, {}, "carried", {"tuning.freeze_aligner": False, "tuning.type": "full"})
    ],
    "tuner.use_dora": [
        (True, LORA, "carried", {"tuning.dora": True}),
        (True, {}, "unsupported", {"tuning": ...}),
        (False, {}, "removed", {"tuning": ...}),
    ],
    "tuner.use_rslora": [("yes", LORA, "carried", {"tuning.rslora": True})],
    "tuner.lora_rank": [
        (16, LORA, "carried", {"tuning.rank": 16}),
        (16, {}, "removed", {"tuning": ...}),
    ],
    "tuner.lora_alpha": [(64, LORA, "carried", {"tuning.alpha": 64})],
    "tuner.lora_dropout": [(0.1, LORA, "carried", {"tuning.dropout": 0.1})],
    "tuner.lora_bias": [
        ("lora_only", LORA, "carried", {"tuning.bias": "adapted"}),
        ("some", LORA, "unsupported", {}),
    ],
    "tuner.target_modules": [
        (["q_proj"], LORA, "carried", {"tuning.target_modules": ["q_proj"]}),
        (["all-linear"], LORA, "removed", {}),
        (["all-embedding"], LORA, "unsupported", {}),
        (["q_proj"], {}, "removed", {"tuning": ...}),
    ],
    "tuner.target_regex": [
        (r".*\.q_proj", LORA, "carried", {"tuning.target_regex": r".*\.q_proj"}),
        ("^$", {**LORA, "tuner.modules_to_save": ["merger"]}, "carried",
         {"tuning.target_modules": [], "tuning.modules_to_save": ["merger"]}),
        (None, LORA, "removed", {}),
    ],
    "tuner.modules_to_save": [
        (["merger"], LORA, "carried", {"tuning.modules_to_save": ["merger"]}),
        ([], LORA, "removed", {}),
    ],
    "tuner.resume_from_checkpoint": [
        ("/a", LORA, "carried", {"model.adapter": "/a", "model.adapter_then": "continue"}),
        ("/a", {}, "unsupported", {}),
        (None, LORA, "removed", {}),
    ],
    "custom.coord_offset.enabled": [
        (True, LORA, "carried", {"tuning.coord_offset": True}),
        (False, LORA, "removed", {}),
        (True, {}, "removed", {"tuning": ...}),
    ],
    "custom.coord_offset.embed_lr": [(1e-4, {}, "carried", {"optim.offset_lr": 1e-4})],
    "custom.json_format": [("standard", {}, "removed", {}), ("toon", {}, "unsupported", {})],
}


def nested(keys: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in keys.items():
        *sections, last = key.split(".")
        here = tree
        for section in sections:
            here = here.setdefault(section, {})
        here[last] = value
    return tree


def made(keys: Mapping[str, Any]) -> ConfigMigration:
    return migrated(Source("old.yaml", json.dumps(nested(keys))), Sent({}))


def at(tree: Any, key: str) -> Any:
    """The value at a dotted key; `...` where there is none."""
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return ...
        tree = tree[part]
    return tree


def fate(done: ConfigMigration, key: str) -> Any:
    (found,) = [f for f in done.fates if f.key == key]
    return found


def listed() -> list[tuple[str, Case]]:
    return [(key, case) for key, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("key", "case"), listed())
def test_a_key_with_a_meaning_is_carried_or_its_value_is_explained(key: str, case: Case) -> None:
    value, others, status, expected = case
    done = made({**others, key: value})
    told = fate(done, key)
    assert told.status == status, told
    assert told.value == value
    new = read_yaml(done.text, "new.yaml").data
    assert {name: at(new, name) for name in expected} == expected
    assert told.to or told.note
    assert all(at(new, name) is not ... for name in told.to)


def test_every_row_that_looks_at_the_value_has_cases() -> None:
    own = {row.key for row in TABLE if row.status == "carried"}
    assert set(CASES) == own


OTHERS = [row for row in TABLE if row.status != "carried"]


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.key)
def test_a_key_without_a_meaning_says_what_to_do_or_what_is_missing(row: Row) -> None:
    key = row.key.replace(".*", ".deep.key")
    done = made({key: True})
    told = fate(done, key)
    assert (told.status, told.note) == (row.status, row.note)
    assert told.to == ()
    assert len(told.note) > 10


@pytest.mark.parametrize("row", [r for r in OTHERS if r.how == "unless_off"], ids=lambda r: r.key)
def test_what_was_switched_off_is_not_missed(row: Row) -> None:
    assert fate(made({row.key: "off"}), row.key).status == "removed"


def test_what_stands_beside_a_switch_that_is_off_is_not_missed() -> None:
    done = made({"deepspeed.enabled": False, "deepspeed.config": "zero2"})
    assert fate(done, "deepspeed.config").status == "removed"
    done = made({"deepspeed.enabled": True, "deepspeed.config": "zero2"})
    assert fate(done, "deepspeed.config").status == "unsupported"


def test_no_key_has_two_rows_and_every_converter_is_used() -> None:
    keys = [row.key for row in TABLE]
    assert len(keys) == len(set(keys))
    assert {row.how for row in TABLE} == set(CONVERTERS)


def test_a_key_that_nobody_knows_is_told_and_not_dropped() -> None:
    told = fate(made({"custom.bananas.ripe": 3}), "custom.bananas.ripe")
    assert (told.status, told.value) == ("unknown", 3)
