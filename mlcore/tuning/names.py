"""Names that adapters go by, in memory and on disk."""

ADAPTER = "default"
"""peft's name for the one adapter of a model"""
WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
BASE = "adapter_base.json"
"""says which checkpoint an adapter was made for"""
