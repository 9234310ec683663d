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
