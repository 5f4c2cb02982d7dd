"""The packed loss of the recipe equals a loop that pushes one row after another, to rounding, gradients included."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_models import FALL_BACK, TAKE_TREES, tiny_model

from introbench.models.hf.model import HfModel
from introbench.models.types import ChoiceRequest, Fingerprint
from introbench.scorer.probe import choose_path
from introbench.train.adapter import LeanLoraLinear, add_adapter
from introbench.train.batches import lay_out
from introbench.train.config import Hyperparameters, KlDirection, KlPositions
from introbench.train.first import FirstBehaviour, measure_requests
from introbench.train.lessons import Lesson, merged
from introbench.train.packed import Student

CHOSEN = Hyperparameters(rank=4, alpha=8.0)
TARGETS = {"Mamba": ("in_proj", "x_proj")}  # peft refuses the others
LOSS_TOLERANCE = 5e-5
GRADIENT_TOLERANCE = 5e-4  # of the largest gradient


def drawn_requests(seed: int = 0, items: int = 3) -> dict[str, ChoiceRequest]:
    """Per item an uncued and two cued prompts with a common stem, each with three choices that end alike."""
    draw = random.Random(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(1, 60) for _ in range(count))

    found = {}
    system = tokens(3)
    for item in range(items):
        stem, turn = system + tokens(9), tokens(2)
        choices = tuple((*tokens(length), 59) for length in (1, 2, 4))
        for cue in ("", "a", "b"):
            prompt = stem + tokens(5 if cue else 0) + turn
            found[f"{item}{cue}"] = ChoiceRequest(prompt, choices, f"item {item}")
    return found


def drawn_lessons(requests: dict[str, ChoiceRequest], first: FirstBehaviour, positions: KlPositions) -> list[Lesson]:
    """Explanations behind the cued prompts, a behaviour to be learnt, and every reply held to M0."""
    draw = random.Random(1)
    found = []
    for ask, request in requests.items():
        reply = request.choices_ids[first.reply(ask)]
        if positions == "choices":
            found.append(Lesson(request.prompt_ids, request.choices_ids, request.group, "keep", (0.1,), ask))
        else:
            held = reply[:1] if positions == "first" else reply
            share = (0.1 / len(held),) * len(held)
            found.append(Lesson(request.prompt_ids, (held,), request.group, "keep", share, ask))
        if ask[-1] in "ab":
            told = tuple(draw.randrange(1, 60) for _ in range(4))
            prompt = request.prompt_ids + tuple(draw.randrange(1, 60) for _ in range(3))
            found.append(Lesson(prompt, (told,), request.group, "explanation", (0.1, 0.3, 0.05, 0.05), ask))
        else:
            found.append(Lesson(request.prompt_ids, (request.choices_ids[2],), request.group, "behaviour", (0.02,) * 5))
    return found


def adapted(name: str, *, lean: bool) -> Any:
    model = add_adapter(tiny_model(name), replace(CHOSEN, targets=TARGETS.get(name, CHOSEN.targets)), "tiny")
    torch.manual_seed(7)
    for parameter in model.parameters():
        if parameter.requires_grad:  # an adapter that begins at zero has no gradient in its first half
            parameter.data = 0.2 * torch.randn_like(parameter)
    if not lean:
        for module in model.modules():
            if isinstance(module, LeanLoraLinear):
                module.__class__ = LeanLoraLinear.__bases__[0]
    return model.eval()


def student(name: str, requests: dict[str, ChoiceRequest], direction: KlDirection = "forward") -> Student:
    bare = tiny_model(name)
    path = choose_path(bare)
    held = HfModel("tiny", bare, None, None, Fingerprint({}), path, 256)  # type: ignore[arg-type]
    return Student(adapted(name, lean=True), path, measure_requests(held, requests), direction)


def row_by_row(model: Any, lessons: list[Lesson], direction: KlDirection) -> torch.Tensor:
    """The same loss by peft's own layers, a row at a time, M0 being the same rows with the adapter switched off."""
    total = torch.zeros(())
    for lesson in lessons:
        sums, firsts = [], []
        for reply in lesson.choices_ids:
            row = torch.tensor([lesson.prompt_ids + reply])
            span = slice(len(lesson.prompt_ids) - 1, -1)
            now = model(input_ids=row, use_cache=False).logits[0, span].log_softmax(-1)
            with torch.no_grad(), model.disable_adapter():
                first = model(input_ids=row, use_cache=False).logits[0, span].log_softmax(-1)
            picked = row[0, len(lesson.prompt_ids) :, None]
            sums.append(now.gather(1, picked).sum())
            firsts.append(first.gather(1, picked).sum())
            above, below = (first, now) if direction == "forward" else (now, first)
            if lesson.term != "keep":
                total = total - (torch.tensor(lesson.weights) * now.gather(1, picked)[:, 0]).sum()
            elif len(lesson.choices_ids) == 1:
                total = total + (torch.tensor(lesson.weights) * (above.exp() * (above - below)).sum(-1)).sum()
        if len(lesson.choices_ids) > 1:
            above, below = (torch.stack(each).log_softmax(0) for each in (firsts, sums))
            if direction == "reverse":
                above, below = below, above
            total = total + lesson.weights[0] * (above.exp() * (above - below)).sum()
    return total


def gradients(model: Any) -> dict[str, torch.Tensor]:
    # Experts that no token chose have none.
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {
        name: torch.zeros_like(each) if each.grad is None else each.grad.clone() for name, each in sorted(named.items())
    }


def assert_equal(
    taught: Student, plain: Any, lessons: list[Lesson], direction: KlDirection = "forward"
) -> dict[str, torch.Tensor]:
    loss = sum(taught.losses(lay_out(lessons)).values(), torch.zeros(()))
    loss.backward()
    expected = row_by_row(plain, lessons, direction)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=LOSS_TOLERANCE)
    found, wanted = gradients(taught.adapted), gradients(plain)
    assert found.keys() == wanted.keys()
    largest = max(each.abs().max() for each in wanted.values())
    assert largest > 0
    off = {name: float((found[name] - wanted[name]).abs().max() / largest) for name in wanted}
    assert max(off.values()) < GRADIENT_TOLERANCE, off
    return wanted


@pytest.mark.parametrize("name", TAKE_TREES)
def test_a_pack_gives_the_loss_and_gradients_of_single_rows(name: str) -> None:
    requests = drawn_requests()
    taught = student(name, requests)
    assert taught.path.packed and taught.first is not None
    assert_equal(taught, adapted(name, lean=False), drawn_lessons(requests, taught.first, "reply"))


@pytest.mark.parametrize("name", ["Bloom", "Mamba", "Jamba", "Lfm2", "Qwen3Next", "StableLm"])
def test_architectures_without_trees_take_padded_rows_and_give_the_same(name: str) -> None:
    assert name in FALL_BACK
    requests = drawn_requests()
    taught = student(name, requests)
    assert not taught.path.packed and taught.first is not None and taught.first.hidden is None
    assert_equal(taught, adapted(name, lean=False), drawn_lessons(requests, taught.first, "reply"))


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("positions", ["reply", "first", "choices"])
def test_every_form_of_the_divergence_is_that_of_single_rows(positions: KlPositions, direction: KlDirection) -> None:
    requests = drawn_requests()
    taught = student("Qwen3", requests, direction)
    assert taught.first is not None
    lessons = drawn_lessons(requests, taught.first, positions)
    assert_equal(taught, adapted("Qwen3", lean=False), lessons, direction)


def test_m0_is_known_from_hidden_states_where_the_head_alone_gives_its_logits_and_computed_elsewhere() -> None:
    requests = drawn_requests()
    known = {name: student(name, requests).first for name in ("Llama", "Gemma2")}
    assert known["Llama"] is not None and known["Llama"].hidden is not None
    assert known["Gemma2"] is not None and known["Gemma2"].hidden is None  # its logits are capped behind the head


def test_a_model_that_has_not_moved_diverges_nowhere() -> None:
    requests = drawn_requests()
    taught = student("Llama", requests)
    for name, parameter in taught.adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.zero_()
    assert taught.first is not None
    losses = taught.losses(lay_out(drawn_lessons(requests, taught.first, "reply")))
    assert abs(losses["keep"].item()) < 1e-6 < losses["explanation"].item()


def test_lessons_that_ask_the_same_are_pushed_once_and_weigh_as_much() -> None:
    requests = drawn_requests()
    taught = student("Llama", requests)
    assert taught.first is not None
    lessons = drawn_lessons(requests, taught.first, "reply")
    doubled = [lesson for lesson in lessons for _ in range(2)]
    assert len(merged(doubled)) == len(lessons)
    sums = [sum(taught.losses(lay_out(each)).values(), torch.zeros(())).item() for each in (merged(doubled), lessons)]
    assert sums[0] == pytest.approx(2 * sums[1], rel=1e-5)


def test_a_bfloat16_base_with_a_float32_adapter_stays_close_to_float32() -> None:
    requests = drawn_requests()
    exact = student("Llama", requests)
    assert exact.first is not None
    lessons = drawn_lessons(requests, exact.first, "reply")
    rough = student("Llama", requests)
    assert rough.first is not None and rough.first.hidden is not None
    rough.first.hidden = rough.first.hidden.bfloat16()
    rough.adapted.to(torch.bfloat16)
    for parameter in rough.adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    losses = []
    for each in (exact, rough):
        loss = sum(each.losses(lay_out(lessons)).values(), torch.zeros(()))
        loss.backward()
        losses.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    grads = [torch.cat([each.flatten() for each in gradients(side.adapted).values()]) for side in (exact, rough)]
    assert grads[1].dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=0) > 0.95
