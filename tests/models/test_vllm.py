"""The vllm backend in a real engine on this machine: `make test-vllm`, as vLLM brings a torch of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import introbench
from introbench import ChoiceRequest
from introbench.errors import ModelError, PromptError, SpecError
from introbench.runs.config import resolve_config
from introbench.runs.packing import render
from introbench.runs.plan import NEW_TOKENS, make_plan

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:::vllm"),  # the engine runs in this process and uses what torch deprecates
]

MODEL = "smollm2-135m-q4_1"
SPEC = f"vllm/{MODEL}?enforce_eager=true&max_model_len=2048"
PARITY_NATS = 5e-3
"""Between two engines in float32, summed over a reply of some tokens."""


@pytest.fixture(scope="module", autouse=True)
def little_memory() -> Iterator[None]:
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
    yield
    del os.environ["VLLM_CPU_KVCACHE_SPACE"]


@pytest.fixture(scope="module")
def served(little_memory: None) -> Any:
    return introbench.load_model(SPEC)


@pytest.fixture(scope="module")
def ours() -> Any:
    return introbench.load_model(MODEL)


def questions(chat: Any) -> list[ChoiceRequest]:
    config, variants = resolve_config("scripted/oracle", limit=1)
    cases = make_plan(config, variants).tasks[0].cases[:2]
    return [render(question, case, chat) for case in cases for question in case.questions]


def first(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def margin(values: Sequence[float]) -> float:
    highest, second = sorted(values, reverse=True)[:2]
    return highest - second


def test_choices_of_several_tokens_are_scored_as_hf_scores_them(served: Any, ours: Any) -> None:
    requests = questions(ours.chat)
    assert questions(served.chat) == requests
    answers = served.score(requests), ours.score(requests)
    pairs = [(mine.logprobs, other.logprobs) for mine, other in zip(*answers, strict=True)]
    assert max(abs(a - b) for mine, other in pairs for a, b in zip(mine, other, strict=True)) < PARITY_NATS
    by_token, expected = ([result.deciding for result in each if result.deciding] for each in answers)
    assert by_token and by_token == [pytest.approx(values, abs=PARITY_NATS) for values in expected]
    tie = max(served.facts.tie_margin, ours.facts.tie_margin)
    inside = [margin(other) <= tie for _, other in pairs]
    assert all(first(mine) == first(other) for (mine, other), unsure in zip(pairs, inside, strict=True) if not unsure)


def test_choices_of_one_token_are_scored_by_their_ids_in_one_request(served: Any, ours: Any) -> None:
    prompt = ours.chat.prompt_ids([{"role": "user", "content": "Is it?"}])
    request = ChoiceRequest(prompt, (*((token,) for token in range(100, 240)), (5, 6)))
    (mine,), (other,) = served.score([request]), ours.score([request])
    assert mine.logprobs == pytest.approx(other.logprobs, abs=PARITY_NATS)


def test_the_manifest_says_how_it_is_asked(served: Any) -> None:
    facts = served.facts
    assert facts.answers == "seq"
    assert facts.reason.startswith("prompt_logprobs, a request per choice; prefix cache ")
    assert (facts.dtype, facts.device) == ("float32", "cpu")
    assert facts.tie_margin >= 1e-3


def test_written_replies_equal_those_of_hf(served: Any, ours: Any) -> None:
    requests = questions(ours.chat)[:2]
    assert served.generate(requests, max_new_tokens=12) == ours.generate(requests, max_new_tokens=12)


def test_written_explanations_equal_those_of_hf(served: Any, ours: Any) -> None:
    asked = [request for request in questions(ours.chat) if request.source and request.source.part == "explanation"][:1]
    assert served.generate(asked, max_new_tokens=NEW_TOKENS) == ours.generate(asked, max_new_tokens=NEW_TOKENS)


def test_a_prompt_that_does_not_fit_is_named_and_never_cut(served: Any) -> None:
    with pytest.raises(PromptError, match="needs 2049 tokens, the context is 2047"):
        served.score([ChoiceRequest((1,) * 2047, ((1, 2),))])


def test_arguments_that_the_engine_lacks_and_adapters_are_refused() -> None:
    with pytest.raises(SpecError, match="takes no argument 'tensor_paralel_size'"):
        introbench.load_model(f"vllm/{MODEL}?tensor_paralel_size=2")
    with pytest.raises(SpecError, match="takes no adapter"):
        introbench.load_model(f"vllm/{MODEL}+./adapter")
    with pytest.raises(ModelError, match="no folder or GGUF file"):
        introbench.load_model("vllm/./no/such/folder")


def test_a_run_on_an_engine_with_hf_as_its_reference_agrees_with_it(tmp_path: Path) -> None:
    arguments = [
        "run",
        "--model",
        f"vllm/{MODEL}",
        "--reference",
        MODEL,
        "--limit",
        "1",
        "--aa-share",
        "0",
        "--out",
        str(tmp_path / "r"),
    ]
    engine = ["--model-arg", "enforce_eager=true", "--model-arg", "max_model_len=2048"]
    command = [sys.executable, "-m", "introbench", *arguments, *engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("hint_facts")  # the table alone: the engine talks elsewhere
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["models"][0]["path"] == "vllm"
    (pair, _) = json.loads((tmp_path / "r" / "summary.json").read_text())["tasks"][0]["pairs"]
    assert pair["exact"]["drift"]["value"] <= 0.1


def test_structured_replies_are_the_path_that_the_model_takes(tmp_path: Path) -> None:
    spec = f"{SPEC}&answers=path"
    arguments = ["run", "--model", spec, "--limit", "1", "--aa-share", "0", "--out", str(tmp_path / "r")]
    done = subprocess.run(
        [sys.executable, "-m", "introbench", *arguments], capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stderr
    (model,) = json.loads((tmp_path / "r" / "manifest.json").read_text())["models"]
    assert model["answers"] == "path"
    coverage = json.loads((tmp_path / "r" / "summary.json").read_text())["tasks"][0]["emitters"][0]["coverage"]
    assert coverage["scored"] == coverage["cases"]
    assert coverage["unparsable"] == 0
