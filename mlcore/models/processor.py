"""A Qwen3-VL processor for images and text that does not need torchvision.

The library's class always builds a video processor, which requires torchvision. Ours leaves
video out and keeps the layout on disk that the library reads.
"""
from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from transformers import AutoProcessor, PreTrainedTokenizerBase
from transformers.image_processing_utils import BaseImageProcessor
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.processing_utils import ProcessorMixin

from mlcore.models.tokens import structure_ids

LIBRARY_CLASS = "Qwen3VLProcessor"
VIDEO_SETTINGS: dict[str, Any] = {
    "video_processor_type": "Qwen3VLVideoProcessor",
    "do_sample_frames": True,
    "fps": 2,
    "min_frames": 4,
    "max_frames": 768,
}


class ImageTextProcessor(Qwen3VLProcessor):  # type: ignore[misc]
    """The library's processor without its video half."""

    def __init__(
        self,
        image_processor: BaseImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | None = None,
    ) -> None:
        ids = structure_ids(tokenizer.get_added_vocab())
        self.image_token, self.image_token_id = "<|image_pad|>", ids.image_pad
        self.video_token, self.video_token_id = "<|video_pad|>", ids.video_pad
        self.vision_start_token, self.vision_start_token_id = "<|vision_start|>", ids.vision_start
        self.vision_end_token, self.vision_end_token_id = "<|vision_end|>", ids.vision_end
        initialise: Any = ProcessorMixin.__init__
        initialise(self, image_processor, tokenizer, chat_template=chat_template)


def read_processor(folder: Path) -> Qwen3VLProcessor:
    """The processor of a checkpoint folder: the library's where torchvision imports, else ours."""
    loader: Any = AutoProcessor if importlib.util.find_spec("torchvision") else ImageTextProcessor
    processor: Qwen3VLProcessor = loader.from_pretrained(folder, local_files_only=True)
    return processor


def write_processor(processor: Qwen3VLProcessor, folder: Path) -> None:
    """Save in the layout that other programs load as `Qwen3VLProcessor`."""
    processor.save_pretrained(folder)
    image = processor.image_processor
    settings = json.loads(image.to_json_string())
    _write(folder / "preprocessor_config.json", settings | {"processor_class": LIBRARY_CLASS})
    video = {k: settings[k] for k in VIDEO_SHARED if k in settings} | VIDEO_SETTINGS
    _write(folder / "video_preprocessor_config.json", video | {"processor_class": LIBRARY_CLASS})
    for name in ("processor_config.json", "tokenizer_config.json"):
        path = folder / name
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            _write(path, stored | {"processor_class": LIBRARY_CLASS})


VIDEO_SHARED = (
    "patch_size", "temporal_patch_size", "merge_size", "image_mean", "image_std", "size"
)


def _write(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
