from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from mlcore.errors import DataError
from mlcore.models.config import TinyRecipe, TinyText
from mlcore.models.load import load_model, load_processor, save_checkpoint
from mlcore.models.tiny import train_tokenizer
from mlcore.models.tokens import STRUCTURE, coord_token, coord_token_ids
from tests.support.scenes import make_checkpoint


def file_hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_the_same_recipe_and_texts_give_the_same_files(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    assert file_hashes(make_checkpoint(tmp_path / "again")) == file_hashes(tiny_checkpoint)


def test_building_leaves_torchs_random_stream_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    make_checkpoint(tmp_path / "one")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_checkpoint_is_under_ten_megabytes_and_says_it_is_the_librarys(
    tiny_checkpoint: Path,
) -> None:
    assert sum(p.stat().st_size for p in tiny_checkpoint.iterdir()) < 10_000_000
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json",
                 "video_preprocessor_config.json"):
        stored = json.loads((tiny_checkpoint / name).read_text())
        assert stored["processor_class"] == "Qwen3VLProcessor", name
    config = json.loads((tiny_checkpoint / "config.json").read_text())
    assert config["architectures"] == ["Qwen3VLForConditionalGeneration"]
    assert (tiny_checkpoint / "chat_template.jinja").is_file()


def test_saving_and_loading_changes_nothing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    model, processor = load_model(tiny_checkpoint), load_processor(tiny_checkpoint)
    save_checkpoint(model, processor, tmp_path / "copy")
    again = load_model(tmp_path / "copy")
    state = again.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    tokenizer = load_processor(tmp_path / "copy").tokenizer
    text = "类别=螺丝 <|coord_7|><|im_end|>"
    assert tokenizer(text).input_ids == processor.tokenizer(text).input_ids


def test_the_layout_of_published_checkpoints_loads_as_well(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "processor_config.json").unlink()
    ours, published = load_processor(tiny_checkpoint), load_processor(folder)
    for name in ("patch_size", "merge_size", "temporal_patch_size", "image_mean", "image_std"):
        assert vars(published.image_processor)[name] == vars(ours.image_processor)[name]
    assert published.chat_template == ours.chat_template


def test_head_and_embedding_stay_one_tensor(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()


def test_a_loaded_model_is_ready_to_judge_not_to_train(tiny_checkpoint: Path) -> None:
    assert not load_model(tiny_checkpoint).training


@pytest.mark.parametrize("name", ["pytorch_model.bin", "extra.pt", "sub/optimizer.pkl", "A.CKPT"])
def test_a_folder_with_a_pickle_is_refused_unopened(
    tiny_checkpoint: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "evil"
    shutil.copytree(tiny_checkpoint, folder)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"cposix\nsystem\n(S'touch pwned'\ntR.")
    for load in (load_model, load_processor):
        with pytest.raises(DataError, match="pickle") as caught:
            load(folder)
        assert caught.value.where == str(path)


def test_a_folder_without_config_or_weights_is_refused(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"config\.json"):
        load_model(tmp_path)
    shutil.copy(tiny_checkpoint / "config.json", tmp_path)
    with pytest.raises(DataError, match="safetensors"):
        load_model(tmp_path)


def test_there_are_a_thousand_distinct_coordinate_tokens(tiny_checkpoint: Path) -> None:
    tokenizer = load_processor(tiny_checkpoint).tokenizer
    ids = coord_token_ids(tokenizer.get_added_vocab())
    assert len(set(ids)) == 1000
    assert tokenizer.convert_ids_to_tokens(ids[110]) == "<|coord_110|>"


def test_coordinates_survive_skipping_special_tokens(tiny_checkpoint: Path) -> None:
    tokenizer = load_processor(tiny_checkpoint).tokenizer
    ids = tokenizer("<|coord_3|><|im_end|>").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<|coord_3|>"


def test_a_tokenizer_without_coordinate_tokens_is_named() -> None:
    tokenizer = train_tokenizer(TinyRecipe(), ["x"])
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] != "<|coord_500|>"]
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    broken = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)))
    with pytest.raises(DataError, match=r"<\|coord_500\|>"):
        coord_token_ids(broken.get_added_vocab())


def test_the_tokenizer_never_merges_across_digits_or_split_characters() -> None:
    tokenizer = train_tokenizer(TinyRecipe(), ["螺丝×12，标签×3"] * 50)
    pieces = [tokenizer.decode([i]) for i in tokenizer("螺丝×12，标签×3").input_ids]
    assert pieces == ["螺丝", "×", "1", "2", "，", "标签", "×", "3"]


def test_added_tokens_come_after_the_trained_vocabulary() -> None:
    tokenizer = train_tokenizer(TinyRecipe(), ["螺丝"] * 9)
    added = [tokenizer.convert_tokens_to_ids(n) for n in (*STRUCTURE, coord_token(0))]
    assert min(added) >= len(tokenizer) - len(STRUCTURE) - 1000


def test_neighbouring_coordinates_start_alike(tiny_checkpoint: Path) -> None:
    model, processor = load_model(tiny_checkpoint), load_processor(tiny_checkpoint)
    ids = coord_token_ids(processor.tokenizer.get_added_vocab())
    rows = model.get_input_embeddings().weight[ids]
    near = torch.nn.functional.cosine_similarity(rows[:-1], rows[1:]).mean()
    far = torch.nn.functional.cosine_similarity(rows[:-500], rows[500:]).mean()
    assert near > 0.9
    assert far < 0.5


def test_the_linear_patch_embedding_equals_the_convolution(tiny_checkpoint: Path) -> None:
    from transformers import Qwen3VLForConditionalGeneration

    ours = load_model(tiny_checkpoint).model.visual.patch_embed
    library = Qwen3VLForConditionalGeneration.from_pretrained(tiny_checkpoint)
    patches = torch.randn(24, 3 * 2 * 16 * 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours(patches), library.model.visual.patch_embed(patches))


def test_recipe_sizes_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="mrope_section"):
        TinyText(head_dim=64)
    with pytest.raises(ValueError, match="divide"):
        TinyText(heads=3, kv_heads=2)
