"""The light kit against the library's own processor."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.chat.kit import RenderKit
from mlcore.errors import DataError
from mlcore.models.load import load_processor
from mlcore.models.tokens import STRUCTURE, coord_token

BASE = Path(__file__).resolve().parents[3] / "mlcore/recipes/builtin/base"


@pytest.fixture(scope="module", params=["tiny", "base"])
def pair(request: pytest.FixtureRequest, tiny_checkpoint: Path):
    folder = tiny_checkpoint if request.param == "tiny" else BASE
    return RenderKit.from_folder(folder), load_processor(folder)


def test_structural_and_coordinate_ids_are_the_librarys(pair) -> None:
    kit, processor = pair
    convert = processor.tokenizer.convert_tokens_to_ids
    assert sorted(vars(kit.ids).values()) == sorted(convert(list(STRUCTURE)))
    assert list(kit.coord_ids) == convert([coord_token(k) for k in range(1000)])
    assert kit.ids.image_pad == processor.image_token_id


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40).filter(lambda t: "<|" not in t))
def test_plain_text_becomes_the_librarys_ids_and_comes_back(pair, text: str) -> None:
    kit, processor = pair
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    ids = kit.encode(text)
    assert list(ids) == processor.tokenizer(text, add_special_tokens=False).input_ids
    assert kit.decode(ids) == processor.tokenizer.decode(
        list(ids), clean_up_tokenization_spaces=False
    )


def test_added_tokens_are_decoded_as_they_are_written(pair) -> None:
    kit, _ = pair
    ids = [kit.ids.im_start, *kit.encode("user\n"), kit.coord_ids[7], kit.ids.im_end]
    assert kit.decode(ids) == "<|im_start|>user\n<|coord_7|><|im_end|>"


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), seed=st.integers(0, 999))
def test_patches_and_grids_are_the_librarys(pair, rows: int, columns: int, seed: int) -> None:
    kit, processor = pair
    side = kit.patcher.multiple
    image = np.random.default_rng(seed).integers(
        0, 256, (rows * side, columns * side, 3), dtype=np.uint8
    )
    library = processor.image_processor(images=[image], return_tensors="np")
    ours = kit.patcher(image, "x")
    assert np.array_equal(ours.values, library["pixel_values"])
    assert [list(ours.grid)] == library["image_grid_thw"].tolist()


def test_a_kit_of_bytes_is_that_of_the_folder(tiny_checkpoint: Path) -> None:
    raw = [(tiny_checkpoint / name).read_bytes()
           for name in ("tokenizer.json", "preprocessor_config.json")]
    kit, folder = RenderKit.from_bytes(*raw), RenderKit.from_folder(tiny_checkpoint)
    assert kit.ids == folder.ids
    assert kit.encode("类别=螺丝") == folder.encode("类别=螺丝")
    assert vars(kit.patcher).keys() == vars(folder.patcher).keys()


def test_image_settings_may_lie_inside_the_processors_file(tiny_checkpoint: Path) -> None:
    tokenizer = (tiny_checkpoint / "tokenizer.json").read_bytes()
    inner = json.loads((tiny_checkpoint / "preprocessor_config.json").read_text())
    kit = RenderKit.from_bytes(tokenizer, json.dumps({"image_processor": inner}).encode())
    assert kit.patcher.multiple == RenderKit.from_folder(tiny_checkpoint).patcher.multiple


@pytest.mark.parametrize(
    ("tokenizer", "images", "message"),
    [
        (b"[", b"{}", "tokenizer.json"),
        (b"{}", b"{}", "tokenizer.json"),
        (None, b"[1]", "preprocessor_config.json"),
        (None, b"{}", "image_mean"),
        (None, b'{"image_mean": [0, 0, 0], "image_std": [0, 1, 1], "patch_size": 16, '
         b'"merge_size": 2, "temporal_patch_size": 2}', "above 0"),
    ],
)
def test_broken_files_are_named(
    tiny_checkpoint: Path, tokenizer: bytes | None, images: bytes, message: str
) -> None:
    good = (tiny_checkpoint / "tokenizer.json").read_bytes()
    with pytest.raises(DataError, match=message) as caught:
        RenderKit.from_bytes(tokenizer or good, images, source="model:x@1")
    assert caught.value.where == "model:x@1"


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"preprocessor_config.json|tokenizer\.json"):
        RenderKit.from_folder(tmp_path)


def test_a_tokenizer_without_coordinate_tokens_still_serves_object_answers(
    tiny_checkpoint: Path,
) -> None:
    stored = json.loads((tiny_checkpoint / "tokenizer.json").read_text())
    stored["added_tokens"] = [t for t in stored["added_tokens"] if "coord" not in t["content"]]
    images = (tiny_checkpoint / "preprocessor_config.json").read_bytes()
    kit = RenderKit.from_bytes(json.dumps(stored).encode(), images)
    assert kit.encode("x")
    with pytest.raises(DataError, match=r"<\|coord_0\|>"):
        _ = kit.coord_ids


def test_rendering_needs_neither_torch_nor_transformers(tiny_checkpoint: Path) -> None:
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\n"
        "from mlcore.chat.kit import RenderKit\nfrom mlcore.chat.render import Renderer\n"
        "from mlcore.contract.records import Record, SceneObject\n"
        "thing = SceneObject('x', 'bbox_2d', (1.0, 2.0, 30.0, 31.0))\n"
        "record = Record('r', ('a',), 32, 32, 'pixel', (thing,))\n"
        f"renderer = Renderer(RenderKit.from_folder(Path({str(tiny_checkpoint)!r})))\n"
        "image = np.zeros((32, 32, 3), np.uint8)\n"
        "assert len(renderer.training_example(record, None, 'dense', image=image)) > 20\n"
        "sys.exit(str({'torch', 'transformers'} & set(sys.modules) or ''))"
    )
    root = BASE.parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root
    )
    assert done.stderr.strip() == "", done.stderr
