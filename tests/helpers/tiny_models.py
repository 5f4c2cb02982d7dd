"""Random transformers models of a few thousand weights, one per architecture that the scorer is held to."""

from __future__ import annotations

from typing import Any

import torch
import transformers

__all__ = ["FALL_BACK", "TAKE_TREES", "tiny_model"]

_LAYERS = 4
_SMALL: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": _LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "pad_token_id": 0,
    "max_position_embeddings": 512,
}
_HEADED = {**_SMALL, "head_dim": 8}
_WINDOW = {"sliding_window": 6}  # shorter than every prompt that matters
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_OLD = {"vocab_size": 60, "n_embd": 32, "n_layer": _LAYERS, "n_head": 4}
_PLAIN = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": _LAYERS, "num_attention_heads": 4}
_LONG_ROPE = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "original_max_position_embeddings": 24,
    "short_factor": [1.0] * 4,
    "long_factor": [1.0, 2.0, 4.0, 8.0],
    "factor": 4.0,
}

_CONFIGS: dict[str, dict[str, Any]] = {
    "Llama": _SMALL,
    "Qwen2": _SMALL,
    "Qwen3": _HEADED,
    "Gemma2": {**_HEADED, **_WINDOW},
    "Gemma3Text": {**_HEADED, **_WINDOW},
    "Mistral": {**_SMALL, **_WINDOW},
    "GPT2": _OLD,
    "GPTNeoX": {name: value for name, value in _SMALL.items() if name != "num_key_value_heads"},
    "Phi3": {**_SMALL, **_WINDOW},
    "LongPhi3": {**_SMALL, "rope_parameters": _LONG_ROPE, "original_max_position_embeddings": 24},
    "Olmo2": _SMALL,
    "Olmo3": {**_SMALL, **_WINDOW},
    "Mixtral": {**_SMALL, "num_local_experts": 4},
    "Qwen3Moe": {**_HEADED, **_EXPERTS},
    "GptOss": {**_HEADED, **_WINDOW, "num_local_experts": 4, "num_experts_per_tok": 2},
    "DeepseekV3": {
        **_SMALL,
        "num_key_value_heads": 4,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 12,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 16,
    },
    "Bloom": {"vocab_size": 60, "hidden_size": 32, "n_layer": _LAYERS, "n_head": 4},
    "Mamba": {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": _LAYERS, "state_size": 4},
    "Jamba": {
        **_SMALL,
        "num_experts": 2,
        "use_mamba_kernels": False,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "mamba_d_state": 4,
        "mamba_dt_rank": 4,
    },
    "Lfm2": {**_SMALL, "layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "Qwen3Next": {**_HEADED, **_EXPERTS, "shared_expert_intermediate_size": 16},
    "Llama4Text": {**_HEADED, "attention_chunk_size": 6, "num_local_experts": 2, "intermediate_size_mlp": 48},
    "Mpt": {"vocab_size": 60, "d_model": 32, "n_layers": _LAYERS, "n_heads": 4},
    "GPTJ": {**_OLD, "rotary_dim": 8},
    "GPTNeo": {
        "vocab_size": 60,
        "hidden_size": 32,
        "num_layers": _LAYERS,
        "num_heads": 4,
        "attention_types": [[["global", "local"], _LAYERS // 2]],
        "window_size": 4,
    },
    "Falcon": {**_PLAIN, "alibi": False},
    "AlibiFalcon": {**_PLAIN, "alibi": True},
    "StableLm": _SMALL,
}

FALL_BACK = tuple(list(_CONFIGS)[list(_CONFIGS).index("Bloom") :])
"""State-space, convolution, chunked and ALiBi models, and those that do not take their attention from the registry."""

TAKE_TREES = tuple(name for name in _CONFIGS if name not in FALL_BACK and name != "LongPhi3")

_CLASS = {"LongPhi3": "Phi3", "AlibiFalcon": "Falcon"}


def tiny_model(name: str, **changes: Any) -> Any:
    """A random float32 model in eval mode, with weights wide enough that its replies are not all alike."""
    torch.manual_seed(1)
    config = getattr(transformers, f"{_CLASS.get(name, name)}Config")(**{**_CONFIGS[name], **changes})
    config.initializer_range = 0.3
    return transformers.AutoModelForCausalLM.from_config(config).float().eval()
