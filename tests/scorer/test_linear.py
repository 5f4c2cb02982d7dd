from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import TAKE_TREES, tiny_model
from torch import nn

from introbench.scorer import linear
from introbench.scorer.linear import OneDnnLinear, choose_products
from introbench.scorer.memory import keep_freed_memory, return_freed_memory
from introbench.scorer.probe import choose_path

needs_onednn = pytest.mark.skipif(
    not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()),
    reason="this build of torch has one matrix library only",
)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processors = tmp_path / "cpuinfo"
    processors.write_text("vendor_id\t: AuthenticAMD\n", encoding="utf-8")
    monkeypatch.setattr(linear, "_PROCESSORS", processors)


def swapped(model: nn.Module) -> int:
    return sum(type(module) is OneDnnLinear for module in model.modules())


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (1, 5), (7, 5), (2, 3, 5), (1, 0, 5)])
def test_a_product_by_onednn_is_the_product(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    plain, other = nn.Linear(5, 4, bias=bias), OneDnnLinear(5, 4, bias=bias)
    other.load_state_dict(plain.state_dict())
    given = torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(other(given), plain(given), atol=1e-6, rtol=1e-6)
        if given.dim() > 1:
            slanted = torch.randn(*shape[:-1], 10)[..., ::2]
            torch.testing.assert_close(other(slanted), plain(slanted), atol=1e-6, rtol=1e-6)


@needs_onednn
def test_gradients_still_flow() -> None:
    layer = OneDnnLinear(5, 4)
    layer(torch.ones(3, 5)).sum().backward()
    assert layer.weight.grad is not None


@needs_onednn
@pytest.mark.parametrize("name", TAKE_TREES)
def test_every_model_keeps_its_numbers_and_its_shared_weights(name: str, foreign: None) -> None:
    model = tiny_model(name)
    ids = torch.arange(2, 42).reshape(2, 20)
    with torch.inference_mode():
        before = model(input_ids=ids, use_cache=False).logits
        shared = model.get_input_embeddings().weight is model.get_output_embeddings().weight
        assert choose_products(model) == "oneDNN"
        after = model(input_ids=ids, use_cache=False).logits
    torch.testing.assert_close(after, before, atol=2e-5, rtol=1e-5)
    assert swapped(model)
    assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) == shared


def test_half_precision_and_intel_keep_what_torch_chooses(
    foreign: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("Llama")
    assert choose_products(model.bfloat16()) == "torch"
    monkeypatch.setattr(linear, "_PROCESSORS", tmp_path / "absent")
    assert choose_products(model.float()) == "torch"
    assert not swapped(model)


@pytest.mark.parametrize("name", TAKE_TREES)
def test_models_in_bfloat16_take_trees(name: str) -> None:
    # Weights as small as trained ones are: a random model with wide ones amplifies every rounding.
    model = tiny_model(name)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.3)
    path = choose_path(model.bfloat16())
    assert path.packed, path.reason


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the resident size from Linux")
def test_freed_memory_is_kept_where_the_c_library_can() -> None:
    if not keep_freed_memory():
        pytest.skip("this C library hands memory back as it likes")
    block = torch.ones(8 << 20)  # 32 MiB
    kept = resident()
    del block
    assert resident() > kept - (16 << 20)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the resident size from Linux")
def test_gaps_between_blocks_in_use_can_be_handed_back() -> None:
    if not keep_freed_memory():
        pytest.skip("this C library hands memory back as it likes")
    blocks = [torch.ones(2 << 20) for _ in range(32)]  # 8 MiB each
    used = blocks[1::2]
    del blocks
    with_gaps = resident()
    return_freed_memory()
    assert resident() < with_gaps - (64 << 20)
    assert all(float(block.sum()) == 2 << 20 for block in used)


def resident() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
