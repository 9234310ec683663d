"""Every key that older configs are known to have, and what becomes of it: the table.

Rows are worked through in this order, so where two old keys say the same thing the earlier row
counts. `key.*` is everything below a key that has no row of its own. `how` names a function of
`mlcore.train.old.values`; `same` carries the value as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlcore.train.old.coord_loss import WEIGHTS
from mlcore.train.old.distill import NO_RL
from mlcore.train.old.draft import Status

NO_TUNER = "`tuning` has no such key; `mlcore/recipes/training` shows what it has"
IN_DISTILL = "`distill.vision` names each target with its own weight"
NO_QUANT = "quantised weights are not in this version"
NO_ROLLOUT = "training on rollouts is not in this version"
IGNORED = "it was read and never used"
UNPACKED = "write `packing: {type: packed}`: it is exact and has no other knob than row_tokens"
LIMITS = "a mixture can limit its datasets: `data: {type: fusion, ...}` with `max_records`"
FOLDER = "give the run folder on the command line: `run FILE --run-dir DIR`"
COORD_LOSS = {
    **{key: key for key in (*WEIGHTS, "temperature")},
    "target_sigma": "sigma_start",
    "target_truncate": "truncate",
}
FORMAT = "one answer format per run: `messages.answer`"


@dataclass(frozen=True)
class Row:
    """One old key: how its value is carried `to` a new key, or why it is not."""

    key: str
    status: Status
    to: str = ""
    how: str = "same"
    note: str = ""


def _carried(key: str, to: str, how: str = "same", note: str = "") -> Row:
    return Row(key, "carried", to, how, note)


def _removed(note: str, *keys: str) -> tuple[Row, ...]:
    return tuple(Row(key, "removed", note=note) for key in keys)


def _unsupported(note: str, *keys: str) -> tuple[Row, ...]:
    return tuple(Row(key, "unsupported", note=note) for key in keys)


def _unless_off(note: str, *keys: str) -> tuple[Row, ...]:
    return tuple(Row(key, "unsupported", how="unless_off", note=note) for key in keys)


TABLE: tuple[Row, ...] = (
    _carried("model.model", "model.checkpoint", "checkpoint"),
    _carried("custom.fusion_config", "data", "mixture"),
    _carried("custom.train_jsonl", "data.dataset", "train_file"),
    _carried("custom.jsonl", "data.dataset", "train_file"),
    _carried("custom.val_jsonl", "data.val_split", "val_file"),
    _carried("custom.use_summary", "data.summary_share", "summary_share"),
    _carried("template.max_pixels", "data.max_pixels", "max_pixels"),
    _carried("custom.augmentation", "data.augmentation", "augmentation"),
    _carried("custom.bypass_prob", "data.augmentation.bypass_prob", "with_augmentation"),
    _carried("custom.augmentation_curriculum", "data.augmentation.curriculum", "curriculum"),
    _carried("prompts.domain", "messages.domain"),
    _carried("prompts.profile", "messages.profile", "profile", "the same task in today's words"),
    _carried("prompts.system", "messages.system"),
    _carried("custom.system_prompt_summary", "messages.system", "for_summaries"),
    _carried("template.system", "messages.system"),
    _carried("prompts.user", "messages.user", "prompt_text"),
    _carried("custom.user_prompt", "messages.user", "prompt_text"),
    _carried("custom.coord_tokens.enabled", "messages.answer.grammar", "grammar"),
    _carried("custom.emit_norm", "messages.answer.emit_norm", "emit_norm"),
    _carried("custom.object_field_order", "messages.answer.field_order"),
    _carried("custom.object_ordering_policy", "messages.object_order", "policy"),
    _carried("custom.object_ordering", "messages.object_order", "ordering"),
    _carried("custom.assistant_prefix_format", "messages.assistant_prefix", "prefix"),
    _carried("training.run_name", "name"),
    _carried("training.seed", "seed"),
    _carried("training.effective_batch_size", "batch_size", note="over all processes, as before"),
    _carried("training.per_device_train_batch_size", "micro_batch", "micro_batch"),
    _carried("training.gradient_accumulation_steps", "batch_size", "accumulation"),
    _carried("training.max_steps", "steps", "max_steps"),
    _carried("training.num_train_epochs", "steps", "epochs"),
    _carried("training.learning_rate", "optim.lr"),
    _carried("training.vit_lr", "optim.vit_lr", "group_rate"),
    _carried("training.aligner_lr", "optim.aligner_lr", "group_rate"),
    _carried("training.adam_beta1", "optim.betas", "betas"),
    _carried("training.adam_beta2", "optim.betas", "betas"),
    _carried("training.adam_epsilon", "optim.eps"),
    _carried("training.optimizer", "optim.optimizer", "optimizer"),
    _carried("training.optim", "optim.optimizer", "optimizer"),
    _carried("training.weight_decay", "optim.weight_decay"),
    _carried("training.max_grad_norm", "optim.clip", "clip"),
    _carried("training.lr_scheduler_type", "optim.schedule", "schedule"),
    _carried("training.lr_scheduler_kwargs.min_lr", "optim.floor", "min_lr"),
    _carried("training.lr_scheduler_kwargs.min_lr_rate", "optim.floor"),
    _carried("training.warmup_steps", "optim.warmup_steps", "warmup_steps"),
    _carried("training.warmup_ratio", "optim.warmup_ratio", "warmup_ratio"),
    _carried("training.save_steps", "checkpoint.every_steps", "interval"),
    _carried("training.save_total_limit", "checkpoint.keep"),
    _carried("training.save_only_model", "checkpoint.type", "weights_only"),
    _carried("training.save_delay_steps", "checkpoint.delay_steps", "delay"),
    _carried("training.save_delay_epochs", "checkpoint.delay_epochs", "delay"),
    _carried("training.gradient_checkpointing", "gradient_checkpointing", "switch"),
    _carried("data.dataloader_num_workers", "loading.workers"),
    _carried("training.dataloader_num_workers", "loading.workers"),
    _carried("data.pin_memory", "loading.pin_memory", "switch"),
    _carried("data.dataloader_pin_memory", "loading.pin_memory", "switch"),
    _carried("model.attn_impl", "attention", "attention"),
    _carried("training.eval_steps", "evaluation.every_steps", "interval"),
    _carried("training.eval_strategy", "evaluation.images", "eval_strategy"),
    _carried("training.logging_steps", "log_every", "interval"),
    _carried("training.report_to", "telemetry.exporters", "report_to"),
    _carried("custom.token_type_metrics.enabled", "telemetry.token_type_metrics.enabled", "switch"),
    _carried("custom.token_type_metrics.include", "telemetry.token_type_metrics.include",
             "selectors"),
    _carried("custom.token_type_metrics.exclude", "telemetry.token_type_metrics.exclude",
             "selectors"),
    _carried("global_max_length", "global_max_length"),
    _carried("template.max_length", "global_max_length"),
    _carried("model.max_model_len", "global_max_length"),
    _carried("template.truncation_strategy", "over_length.max_share", "truncation"),
    _carried("model.torch_dtype", "dtype", "dtype"),
    _carried("training.bf16", "dtype", "bf16"),
    _carried("tuner.train_type", "tuning.type", "train_type"),
    _carried("tuner.freeze_llm", "tuning.freeze_llm", "frozen"),
    _carried("tuner.freeze_vit", "tuning.freeze_vit", "frozen"),
    _carried("tuner.freeze_aligner", "tuning.freeze_aligner", "frozen"),
    _carried("tuner.use_dora", "tuning.dora", "lora_switch"),
    _carried("tuner.use_rslora", "tuning.rslora", "lora_switch"),
    _carried("tuner.lora_rank", "tuning.rank", "low_rank"),
    _carried("tuner.lora_alpha", "tuning.alpha", "low_rank"),
    _carried("tuner.lora_dropout", "tuning.dropout", "low_rank"),
    _carried("tuner.lora_bias", "tuning.bias", "lora_bias"),
    _carried("tuner.target_modules", "tuning.target_modules", "targets"),
    _carried("tuner.target_regex", "tuning.target_regex", "target_regex"),
    _carried("tuner.modules_to_save", "tuning.modules_to_save", "targets"),
    _carried("tuner.resume_from_checkpoint", "model.adapter", "adapter"),
    _carried("custom.coord_offset.enabled", "tuning.coord_offset", "coord_offset"),
    _carried("custom.coord_offset.embed_lr", "optim.offset_lr", "group_rate"),
    _carried("custom.json_format", "", "json_format"),
    *_removed("adapters are those of the peft library", "tuner.use_swift_lora"),
    *_removed(
        "the table of coordinate offsets is one where head and embeddings are tied, never decays "
        "and has one rate: `optim.offset_lr`",
        "custom.coord_offset.tie_head", "custom.coord_offset.head_lr",
        "custom.coord_offset.weight_decay", "custom.coord_offset.dtype", "custom.coord_offset.ids",
    ),
    *_unless_off("half precision is not in this version; bfloat16 is", "training.fp16"),
    *_unless_off("rare samples are not drawn more often", "custom.hard_sample_mining.enabled"),
    _carried("rlhf.teacher_model", "distill.teacher", "gkd"),
    _carried("rlhf.rlhf_type", "distill", "rlhf_type"),
    _carried("rlhf.sft_alpha", "distill.sft_alpha", "gkd"),
    _carried("rlhf.llm_kd_weight", "distill.llm_kd_weight", "gkd"),
    _carried("rlhf.beta", "distill.beta", "gkd"),
    _carried("rlhf.lmbda", "distill.lmbda", "gkd"),
    _carried("rlhf.seq_kd", "distill.seq_kd", "gkd"),
    _carried("rlhf.max_completion_length", "distill.max_completion_length", "gkd"),
    _carried("rlhf.temperature", "distill.sampling.temperature", "gkd"),
    _carried("custom.visual_kd.enabled", "distill.vision", "visual_kd"),
    *_unless_off(
        "write `engine: {type: zero2, processes: N}`, or zero3: how many processes there are was "
        "said at the start of a run",
        "deepspeed.enabled",
    ),
    _carried("custom.coord_soft_ce_w1.enabled", "coord_loss", "coord_soft"),
    *(
        _carried(f"custom.coord_soft_ce_w1.{key}", f"coord_loss.{to}", "coord_part")
        for key, to in COORD_LOSS.items()
    ),
    *_removed(UNPACKED, "training.packing", "training.eval_packing", "training.packing_buffer",
              "training.packing_min_fill_ratio", "training.packing_drop_last",
              "training.packing_allow_single_long", "training.packing_avg_samples",
              "training.packing_length", "custom.packing_group_key",
              "custom.packing_length_override", "custom.cached_lengths"),
    *_removed(FOLDER, "training.output_dir", "training.logging_dir", "training.add_version",
              "debug.output_dir"),
    *_removed(
        "`checkpoint.every_steps` says when; the weights after the last step are always kept",
        "training.save_last_epoch", "training.save_strategy",
    ),
    *_removed("a checkpoint is in safetensors", "training.save_safetensors"),
    *_removed("workers live as long as the run, and the data is read in its own process",
              "data.dataset_num_proc", "data.persistent_workers",
              "data.dataloader_persistent_workers"),
    *_removed("`loading.prefetch` counts whole steps; the default is 2", "data.prefetch_factor",
              "data.dataloader_prefetch_factor"),
    *_unsupported(
        "write `checkpoint.best` with a figure of the looks: {metric: eval/f1_50}",
        "training.metric_for_best_model", "training.greater_is_better",
        "training.load_best_model_at_end",
    ),
    *_removed("metric events are part of the run folder", "training.logging_first_step"),
    *_removed("looks while training are counted in images: `evaluation.images`",
              "training.per_device_eval_batch_size"),
    *_removed("it stood for nothing; datasets are named under `data`", "data.dataset",
              "data.val_dataset"),
    *_removed("the checkpoint brings its own chat template", "template.template"),
    *_removed("profiles replace schemes: `messages.profile`", "prompts.scheme"),
    *_removed(FORMAT, "custom.coord_tokens.skip_bbox_norm", "prompts.output_variant"),
    *_removed("one image per turn", "custom.images_per_user_turn"),
    *_removed("write `data.summary_share`", "custom.summary_ratio"),
    *_removed("rare labels are not grouped; make the summaries at import",
              "custom.summary_label_grouping"),
    *_removed("a mixture is written under `data` with `type: fusion`", "custom.use_legacy_fusion"),
    *_removed("`messages show DATASET` prints samples as the model sees them",
              "custom.dump_conversation_text", "custom.dump_conversation_path", "debug.enabled"),
    *_removed("memory is handed back by itself; out of memory has its own exit code",
              "custom.cuda_memory.*"),
    *_removed("metrics of parts of an answer are in the evaluation",
              "custom.coord_expectation_metrics.*"),
    *_removed("logs are part of the run folder", "custom.extra.log_file.*"),
    *_removed("words for a class list are `messages.system` and `messages.user`",
              "custom.extra.prompt_variant"),
    *_removed("`extends` is the only word for it; put it there and migrate again", "inherit"),
    *_unsupported("a schedule has no other parameters", "training.lr_scheduler_kwargs.*"),
    *_unsupported("a run starts from a whole checkpoint: `model.checkpoint`, or `--resume`",
                  "training.resume_from_checkpoint"),
    *_unsupported(LIMITS, "custom.sample_limit", "custom.train_sample_limit",
                  "custom.val_sample_limit", "custom.val_sample_with_replacement",
                  "debug.train_sample_limit", "debug.val_sample_limit"),
    *_unsupported(NO_TUNER, "tuner.*"),
    *_unsupported("rare samples are not drawn more often", "custom.hard_sample_mining.*"),
    *_removed(IN_DISTILL, "custom.visual_kd.*"),
    *_unsupported("only plain fine-tuning is in this version", "custom.trainer_variant"),
    *_unsupported(NO_RL, "rlhf.*", "custom.grpo.*", "custom.grpo_chord.*"),
    *_removed(IGNORED, "custom.coord_soft_ce_w1.*", "custom.coord_loss.*"),
    *_unsupported("DeepSpeed is told by `engine`; its own keys are not passed on", "deepspeed.*"),
    *_unsupported(NO_QUANT, "quantization.*"),
    *_unsupported(NO_ROLLOUT, "stage2_ab.*", "rollout_matching.*"),
    *_unsupported("no such watch in this version", "custom.extra.instability_monitor.*"),
)
