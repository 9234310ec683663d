"""Runs in its own environment: `python trl_side.py CHECKPOINT CONVERSATIONS BATCH STEPS SKIP OUT`.

Fine-tunes with TRL's defaults, one thread, float32, and prints {"seconds", "steps", "peak_bytes"}
of the steps after the first SKIP.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import torch
from datasets import Dataset
from PIL import Image
from transformers import TrainerCallback
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.processing_utils import ProcessorMixin
from trl import SFTConfig, SFTTrainer


class ImagesOnly(Qwen3VLProcessor):
    """The library's processor without its video half, which needs torchvision."""

    def __init__(self, image_processor: Any, tokenizer: Any, chat_template: Any = None) -> None:
        for name in ("image", "video", "vision_start", "vision_end"):
            text = f"<|{name}_pad|>" if name in ("image", "video") else f"<|{name}|>"
            setattr(self, f"{name}_token", text)
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(text))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


class Clock(TrainerCallback):
    """Takes the time from the end of step `skip` to the end of the last one."""

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.began = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if state.global_step == self.skip:
            self.began = time.perf_counter()
        self.ended = time.perf_counter()


def main() -> None:
    checkpoint, conversations, batch, steps, skip, out = sys.argv[1:]
    torch.set_num_threads(1)
    with open(conversations, encoding="utf-8") as file:  # noqa: PTH123
        rows = [json.loads(line) for line in file]
    for row in rows:
        row["images"] = [Image.open(path).convert("RGB") for path in row["images"]]
        for message in row["messages"]:
            message["content"] = [
                {"type": part["type"], "text": part.get("text")} for part in message["content"]
            ]
    config = SFTConfig(
        output_dir=out, per_device_train_batch_size=int(batch), max_steps=int(steps),
        learning_rate=1e-3, bf16=False, use_cpu=True, report_to="none", save_strategy="no",
        logging_steps=10, max_length=None, dataloader_num_workers=0, gradient_checkpointing=False,
        model_init_kwargs={"dtype": "float32"},
    )  # fmt: skip
    clock = Clock(int(skip))
    trainer = SFTTrainer(
        model=checkpoint, args=config, train_dataset=Dataset.from_list(rows), callbacks=[clock],
        processing_class=ImagesOnly.from_pretrained(checkpoint),
    )  # fmt: skip
    trainer.train()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    counted = int(steps) - int(skip)
    told = {"seconds": clock.ended - clock.began, "steps": counted, "peak_bytes": peak}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
