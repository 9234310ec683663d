"""Every parameter belongs to one part of the model, whatever wraps it."""

from __future__ import annotations

import pytest

from mlcore.models.groups import group_of


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("model.language_model.layers.0.mlp.up_proj.weight", "llm"),
        ("model.language_model.embed_tokens.weight", "llm"),
        ("lm_head.weight", "llm"),
        ("model.visual.blocks.3.attn.qkv.weight", "vit"),
        ("model.visual.pos_embed.weight", "vit"),
        ("model.visual.patch_embed.proj.bias", "vit"),
        ("model.visual.merger.linear_fc1.weight", "aligner"),
        ("model.visual.deepstack_merger_list.0.norm.weight", "aligner"),
        ("model.language_model.embed_tokens.token_adapter.trainable_tokens_delta.x", "offset"),
    ],
)
@pytest.mark.parametrize("before", ["", "module.", "base_model.model.", "_fsdp_wrapped_module."])
def test_a_parameter_keeps_its_group_under_every_wrapper(
    before: str, name: str, group: str
) -> None:
    assert group_of(before + name) == group


def test_an_adapter_belongs_to_what_it_adapts() -> None:
    inside = "base_model.model.model.visual.merger.linear_fc1.lora_A.default.weight"
    assert group_of(inside) == "aligner"


def test_a_name_of_no_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="belongs to no part"):
        group_of("classifier.weight")
