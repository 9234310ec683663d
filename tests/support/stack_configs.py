"""Configs of small runs that the tests of the whole stack launch."""

from __future__ import annotations


def synth(train: int = 24, val: int = 8, seed: int = 0) -> str:
    return f"kind: synth\nname: small scenes\nseed: {seed}\ntrain: {train}\nval: {val}\n"


def sft(dataset: str, *, steps: int = 6, every: int = 2, evaluation: bool = True) -> str:
    """A training from scratch with a metric event per step and a checkpoint every `every`."""
    images = 2 if evaluation else 0
    return (
        "kind: sft\n"
        "name: small training\n"
        "model: {type: scratch}\n"
        f"data: {{dataset: '{dataset}'}}\n"
        f"steps: {steps}\n"
        "batch_size: 2\n"
        "micro_batch: 2\n"
        "log_every: 1\n"
        "optim: {warmup_steps: 1}\n"
        f"evaluation: {{every_steps: {max(steps // 2, 1)}, images: {images}, samples: {images}, "
        "max_new_tokens: 8}\n"
        f"checkpoint: {{every_steps: {every}}}\n"
        "device: cpu\n"
    )


def lora(dataset: str, model: str, steps: int = 3) -> str:
    """Adapters of the language model of a checkpoint, at rates that change its answers."""
    return (
        "kind: sft\n"
        "name: small adapter\n"
        f"model: {{type: checkpoint, checkpoint: '{model}'}}\n"
        f"data: {{dataset: '{dataset}'}}\n"
        "tuning: {type: lora, rank: 4, alpha: 8}\n"
        f"steps: {steps}\n"
        "batch_size: 2\n"
        "micro_batch: 2\n"
        "log_every: 1\n"
        "optim: {lr: 1.0e-2, warmup_steps: 0}\n"
        "evaluation: {images: 0, loss_images: 0}\n"
        "device: cpu\n"
    )


def merge(model: str, adapter: str) -> str:
    return f"kind: merge\nname: small merged\nmodel: '{model}'\nadapter: '{adapter}'\n"


def predict_adapter(dataset: str, model: str, adapter: str) -> str:
    """Answers of a checkpoint with an adapter, long enough to be told apart."""
    system = f"{{type: adapter, model: '{model}', adapter: '{adapter}'}}"
    return predict(dataset, "adapter").replace("{type: adapter}", system)


def mixture(steps: int, source_ratio: float) -> str:
    """A training from scratch on a target and a source, both to be filled in; the target is
    augmented."""
    return (
        "kind: sft\n"
        "name: small mixture\n"
        "model: {type: scratch}\n"
        "data:\n"
        "  type: fusion\n"
        "  targets: [{name: scenes, dataset: 'run:x/dataset', summary_share: 0.25}]\n"
        "  sources:\n"
        f"    - {{name: others, dataset: 'run:y/dataset', ratio: {source_ratio}}}\n"
        "  augmentation:\n"
        "    ops:\n"
        "      - {type: hflip, prob: 1.0}\n"
        "      - {type: color_jitter, prob: 1.0}\n"
        f"steps: {steps}\n"
        "batch_size: 3\n"
        "micro_batch: 3\n"
        "log_every: 1\n"
        "optim: {warmup_steps: 1}\n"
        f"evaluation: {{every_steps: {steps}, images: 0, samples: 0}}\n"
        f"checkpoint: {{every_steps: {steps}}}\n"
        "device: cpu\n"
    )


def predict(dataset: str, system: str, model: str = "") -> str:
    named = f", model: '{model}'" if model else ""
    return (
        "kind: predict\n"
        f"name: answers of {system}\n"
        f"dataset: '{dataset}'\n"
        f"system: {{type: {system}{named}}}\n"
        "max_new_tokens: 8\n"
        "batch_size: 8\n"
        "samples: 2\n"
        "device: cpu\n"
    )


def evaluate(dataset: str, **predictions: str) -> str:
    """The first system is the one in question."""
    rows = "".join(f"  {name}: '{ref}'\n" for name, ref in predictions.items())
    return (
        "kind: evaluate\n"
        f"dataset: '{dataset}'\n"
        f"reference: {next(iter(predictions))}\n"
        f"predictions:\n{rows}"
        "bootstrap: 100\n"
        "overlays: 2\n"
    )


def gate(evaluation: str, policy: str = "demo") -> str:
    return f"kind: gate\npolicy: {policy}\nevaluation: '{evaluation}'\n"


def stage_a(dataset: str, model: str) -> str:
    """Short summaries of the tickets of a desk."""
    return (
        "kind: stage_a\n"
        "name: small summaries\n"
        "mission: 挡风板安装检查\n"
        f"source: {{type: dataset, dataset: '{dataset}', split: desk}}\n"
        f"system: {{type: model, model: '{model}'}}\n"
        "messages: {profile: inspection}\n"
        "max_new_tokens: 8\n"
        "max_reject_share: 1.0\n"
        "samples: 2\n"
        "device: cpu\n"
    )


def stage_b(summaries: str, url: str) -> str:
    """One candidate of a server for each ticket."""
    return (
        "kind: stage_b\n"
        "name: small verdicts\n"
        "mission: 挡风板安装检查\n"
        f"summaries: ['{summaries}']\n"
        "guidance: builtin:demo-guidance.json\n"
        f"backend: {{type: server, url: '{url}', model: m}}\n"
        "sampler: {grid: [{temperature: 0.1}]}\n"
        "label_suspects: false\n"
    )
