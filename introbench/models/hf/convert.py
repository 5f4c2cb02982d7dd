"""GGUF files to folders that transformers, and every engine that reads its folders, loads."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from introbench.models.hf.quiet import quiet

__all__ = ["convert_gguf"]


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write the dequantised float32 weights of a GGUF file, and its tokenizer, into a folder."""
    # The reader of GGUF files draws a progress bar that no option of transformers turns off.
    model: Any
    with quiet(), redirect_stderr(io.StringIO()):
        model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        # save_pretrained refuses a model that still carries its quantizer, although its weights are plain now.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.config._name_or_path = ""
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
