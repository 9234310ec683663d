"""Runs in ms-swift's own environment: `python swift_side.py CHECKPOINT CONVERSATIONS BATCH STEPS
SKIP OUT`. Its ids of image tokens are those of the large models; a small vocabulary needs its own.

Prints {"seconds", "steps", "peak_bytes"} of the steps after the first SKIP.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

# torchvision's compiled half needs another build of torch; nothing here calls its operators, so
# they are only declared, which its import asks for.
_OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for _name in (
    "roi_align", "_roi_align_backward", "ps_roi_align", "_ps_roi_align_backward", "roi_pool",
    "_roi_pool_backward", "ps_roi_pool", "_ps_roi_pool_backward", "nms", "qnms", "qroi_align",
    "deform_conv2d", "_deform_conv2d_backward",
):  # fmt: skip
    _OPERATORS.define(f"{_name}(Tensor input) -> Tensor")

from swift.template.templates import qwen  # noqa: E402
from transformers import TrainerCallback  # noqa: E402

CLOCK: dict[str, float] = {}


class Clock(TrainerCallback):
    """Takes the time from the end of step `skip` to the end of the last one."""

    skip = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        now = time.perf_counter()
        if state.global_step == self.skip:
            CLOCK["began"] = now
        CLOCK["ended"] = now


def prepare(conversations: str, out: str) -> Path:
    """The conversations in this trainer's form: a text with <image> for each turn."""
    target = Path(out) / "conversations.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        for line in Path(conversations).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            turns = [
                {
                    "role": message["role"],
                    "content": "".join(
                        "<image>" if part["type"] == "image" else part["text"]
                        for part in message["content"]
                    ),
                }
                for message in row["messages"]
            ]
            line = json.dumps({"messages": turns, "images": row["images"]}, ensure_ascii=False)
            file.write(line + "\n")
    return target


def main() -> None:
    checkpoint, conversations, batch, steps, skip, out = sys.argv[1:]
    torch.set_num_threads(1)
    ids = json.loads((Path(checkpoint) / "config.json").read_text(encoding="utf-8"))
    qwen.Qwen2VLTemplate.image_token_id = ids["image_token_id"]
    qwen.Qwen2VLTemplate.video_token_id = ids["video_token_id"]
    qwen.Qwen3VLTemplate.image_token_id = ids["image_token_id"]
    qwen.Qwen3VLTemplate.video_token_id = ids["video_token_id"]
    Clock.skip = int(skip)
    from swift.pipelines import sft_main
    from swift.trainers import Seq2SeqTrainer

    start = Seq2SeqTrainer.__init__

    def with_clock(self: Any, *args: Any, **kwargs: Any) -> None:
        start(self, *args, **kwargs)
        self.add_callback(Clock())

    Seq2SeqTrainer.__init__ = with_clock
    sft_main(
        [
            "--model", checkpoint, "--model_type", "qwen3_vl", "--template", "qwen3_vl",
            "--dataset", str(prepare(conversations, out)), "--tuner_type", "full",
            "--torch_dtype", "float32", "--fp16", "false", "--bf16", "false",
            "--per_device_train_batch_size", batch, "--max_steps", steps,
            "--learning_rate", "1e-3", "--save_strategy", "no", "--output_dir", out,
            "--gradient_checkpointing", "false", "--attn_impl", "sdpa", "--report_to", "none",
            "--use_hf", "true", "--freeze_vit", "false", "--freeze_aligner", "false",
            "--gradient_accumulation_steps", "1", "--split_dataset_ratio", "0",
            "--dataloader_num_workers", "0", "--logging_steps", "10",
        ]
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {
        "seconds": CLOCK["ended"] - CLOCK["began"], "steps": int(steps) - int(skip),
        "peak_bytes": peak,
    }  # fmt: skip
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
