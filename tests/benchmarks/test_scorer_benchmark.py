"""The benchmark of the scorer measures what it says, on loads small enough to look at."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_models import tiny_model

from benchmarks.machine import command_line
from benchmarks.scorer.__main__ import main
from benchmarks.scorer.compare import PUSHED_GOAL, Settings, compare
from benchmarks.scorer.dense import DenseShape, best_shape, dense_seconds, matrix_rates, useful_flops
from benchmarks.scorer.load import LoadShape, Span, by_item, count_load, draw_load, task_load
from benchmarks.scorer.measure import metering
from benchmarks.scorer.models import SHAPES, Subject, byte_tokenizer, read_config
from benchmarks.scorer.peers import open_peers, single_rows
from benchmarks.scorer.report import peer_lines, scaling_lines
from benchmarks.scorer.scaling import Job, run_size, score_size
from benchmarks.scorer.vllm import VARIANTS, vllm_entries
from introbench.models.chat import make_chat
from introbench.models.types import ChoiceRequest
from introbench.scorer.forest import count_tokens
from introbench.scorer.probe import choose_path

COLUMNS = 80
CUES = 2
ROUNDING = 1e-4
"""Nats, float32."""

SMALL = LoadShape(
    items=3,
    cues=CUES,
    choices=2,
    candidates=4,
    choice_tokens=Span(1, 3),
    stem_tokens=8,
    question_tokens=Span(4, 8),
    cue_tokens=Span(2, 4),
    explanation_tokens=Span(5, 5),
    turn_tokens=2,
)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A tiny model whose packs hold one item each."""
    model, tokenizer = tiny_model("Llama"), byte_tokenizer()
    return Subject("tiny", model, tokenizer, make_chat(tokenizer, "tiny"), choose_path(model), 64, random=True)


@pytest.fixture(scope="module")
def requests(subject: Subject) -> list[ChoiceRequest]:
    return draw_load(SMALL, subject.vocabulary)


def test_the_default_load_has_as_many_tokens_as_the_goals_speak_of() -> None:
    counts = count_load(draw_load(LoadShape(), 49152))
    assert (counts.items, counts.requests) == (40, 360)
    assert counts.prompt_tokens == pytest.approx(74_158, rel=0.01)
    assert counts.trie_tokens == pytest.approx(17_102, rel=0.01)


def test_an_item_has_one_uncued_prompt_and_two_for_each_cue(requests: Sequence[ChoiceRequest]) -> None:
    turn = SMALL.turn_tokens
    for item in by_item(requests):
        uncued, *cued = item
        assert len(cued) == 2 * CUES
        for behaviour, explanation in zip(cued[::2], cued[1::2], strict=True):
            question, body = uncued.prompt_ids[:-turn], behaviour.prompt_ids[:-turn]
            assert body[: len(question)] == question and len(body) > len(question)
            assert explanation.prompt_ids[: len(body)] == body
            assert len(explanation.prompt_ids) == len(behaviour.prompt_ids) + SMALL.explanation_tokens.least
            assert behaviour.choices_ids == uncued.choices_ids


def test_an_item_does_not_depend_on_how_many_there_are(subject: Subject, requests: list[ChoiceRequest]) -> None:
    assert draw_load(replace(SMALL, items=2), subject.vocabulary) == requests[: 2 * (1 + 2 * CUES)]


def test_a_load_is_counted_as_it_is(requests: list[ChoiceRequest]) -> None:
    counts = count_load(requests)
    assert counts.prompt_tokens == sum(len(request.prompt_ids) for request in requests)
    assert counts.trie_tokens == sum(count_tokens(item) for item in by_item(requests))
    assert counts.choices == SMALL.items * (2 + CUES * (2 + 4))


def test_reply_lengths_are_drawn_from_their_range() -> None:
    drawn = draw_load(replace(SMALL, items=9, choice_tokens=Span.parse("2-6")), 60)
    assert {len(reply) for request in drawn for reply in request.choices_ids} == {2, 3, 4, 5, 6}


@pytest.mark.parametrize("text", ["0", "6-2", "2-", "-3", "two", ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no range of token counts"):
        Span.parse(text)


def test_a_load_can_be_a_tasks_own() -> None:
    asked = task_load("hint_facts", 2, make_chat(byte_tokenizer(), "bytes"))
    assert [len(item) for item in by_item(asked)] == [9, 9]


def test_peers_agree_and_introbench_pushes_no_more_than_its_bound(
    subject: Subject, requests: list[ChoiceRequest]
) -> None:
    settings = Settings(peers=("dense-mask",), repeats=2, sweep_requests=4, check_items=2, ceiling=False)
    found, scores = compare(subject, requests, settings)
    assert list(found["peers"]) == ["introbench", "dense-mask"]
    for entry in found["peers"].values():
        assert entry["against_introbench"]["largest_difference"] < ROUNDING
        assert entry["against_single_rows"]["largest_difference"] < ROUNDING
        assert entry["against_single_rows"]["requests"] == 2 * (1 + 2 * CUES)
        assert len(entry["seconds"]) == 2 and min(entry["seconds"]) > 0
    own = found["introbench"]
    assert own["bound_tokens"] == count_load(requests).trie_tokens
    assert own["tokens_pushed"] <= PUSHED_GOAL * own["bound_tokens"]
    assert own["pushed_to_bound_per_item"]["largest"] <= PUSHED_GOAL
    assert own["layout_share"] > 0
    assert [len(values) for values in scores] == [len(request.choices_ids) for request in requests]


def test_a_model_without_trees_is_measured_too(requests: list[ChoiceRequest]) -> None:
    model, tokenizer = tiny_model("GPTJ"), byte_tokenizer()
    padded = Subject("tiny", model, tokenizer, make_chat(tokenizer, "tiny"), choose_path(model), 64, random=True)
    found, _ = compare(padded, requests, Settings(peers=("dense-mask",), repeats=1, sweep_requests=4, ceiling=False))
    assert found["peers"]["introbench"]["against_single_rows"]["largest_difference"] < ROUNDING
    assert found["introbench"]["tokens_pushed"] > found["introbench"]["bound_tokens"]
    assert list(found["skipped"]) == ["dense-mask"]


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm-eval is not installed")
@pytest.mark.filterwarnings("ignore")
def test_lm_eval_answers_the_same_ids_with_the_same_numbers(subject: Subject, requests: list[ChoiceRequest]) -> None:
    for asked in (requests, draw_load(replace(SMALL, choice_tokens=Span(1, 1)), subject.vocabulary)):
        settings = Settings(peers=("hflm",), batch_sizes=(1, 4), repeats=1, sweep_requests=6, ceiling=False)
        found, _ = compare(subject, asked, settings)
        entry = found["peers"]["hflm"]
        assert entry["batch_size"] in (1, 4) and set(entry["sweep_seconds"]) == {"1", "4"}
        assert entry["against_introbench"]["largest_difference"] < ROUNDING
        assert entry["against_introbench"]["different_choices"] == 0
        assert entry["tokens_pushed"] > found["introbench"]["bound_tokens"]


def test_tokens_are_counted_where_they_are_pushed(subject: Subject, requests: list[ChoiceRequest]) -> None:
    with metering(subject.model) as meter:
        single_rows(subject, requests[:1])
    replies = requests[0].choices_ids
    assert meter.passes == len(replies)
    assert meter.tokens == sum(len(requests[0].prompt_ids) + len(reply) - 1 for reply in replies)


def test_the_dense_forward_pass_takes_the_best_of_its_shapes(subject: Subject) -> None:
    shape, rates = best_shape(subject.model, 0.02, tokens=(64, 128))
    assert rates[f"{shape.rows}x{shape.length}"] == max(rates.values())
    assert set(rates) == {"2x32", "1x64", "4x32", "2x64", "1x128"}
    assert dense_seconds(subject.model, DenseShape(2, 32), 0.02, 100) > 0


def test_operations_are_those_of_the_weights_the_head_and_the_attended_pairs(subject: Subject) -> None:
    config = subject.model.config
    layers, width, inner = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    per_layer = 2 * width * width + 2 * width * width // 2 + 3 * width * inner + 2 * width
    expected = 2 * 10 * (layers * per_layer + width) + 2 * 3 * config.vocab_size * width + 4 * layers * width * 55
    assert useful_flops(subject.model, tokens=10, positions=3, pairs=55) == expected


def test_every_shape_of_layer_is_multiplied_by_itself(subject: Subject) -> None:
    rates = matrix_rates(subject.model, rows=(8,), seconds=0.001)
    assert {(rate.inputs, rate.outputs) for rate in rates} == {(32, 16), (32, 32), (32, 48), (48, 32), (32, 60)}
    assert all(np.isfinite(rate.flops_per_second) and rate.flops_per_second > 0 for rate in rates)


def test_the_big_shapes_have_eight_billion_weights() -> None:
    import torch
    from transformers import AutoModelForCausalLM

    for name in ("llama-8b", "qwen3-8b"):
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(read_config(name))
        assert sum(each.numel() for each in model.parameters()) == pytest.approx(8.1e9, rel=0.02)
    assert "tiny" in SHAPES


def test_vllm_is_asked_by_its_contract(
    subject: Subject, requests: list[ChoiceRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = tmp_path / "answering.py"
    answering.write_text(
        "import json, sys\n"
        "asked = json.load(sys.stdin)\n"
        "size = int(sys.argv[sys.argv.index('--max-num-seqs') + 1])\n"
        "zeros = [[0.0] * len(each['choices_ids']) for each in asked['requests']]\n"
        "print('a line of the engine')\n"
        "print(json.dumps({'seconds': [8 / size] * asked['repeats'], 'logprobs': zeros}))\n",
        encoding="utf-8",
    )
    own = [tuple(-1.0 for _ in request.choices_ids) for request in requests]
    settings = Settings(repeats=2, vllm_batch_sizes=(2, 4))
    monkeypatch.setattr("benchmarks.scorer.vllm.PEER_SCRIPT", answering)
    entries, skipped = vllm_entries(sys.executable, subject, requests, own, 0.5, settings)
    assert skipped == {} and set(entries) == set(VARIANTS)
    for entry in entries.values():
        assert entry["batch_size"] == 4 and entry["sweep_seconds"] == {"2": 4, "4": 2}
        assert entry["seconds"] == [2, 2] and entry["times_introbench"] == 4
        assert entry["against_introbench"]["largest_difference"] == 1


def test_vllm_is_left_out_with_a_reason_where_it_does_not_answer(
    subject: Subject, requests: list[ChoiceRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.scorer.vllm.PEER_SCRIPT", tmp_path / "missing.py")
    own = [tuple(-1.0 for _ in request.choices_ids) for request in requests]
    entries, skipped = vllm_entries(sys.executable, subject, requests, own, 0.5, Settings())
    assert entries == {}
    assert skipped == dict.fromkeys(VARIANTS, "it ended with exit code 2")


def test_the_command_prints_a_table_and_writes_json_without_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    main(
        f"--random tiny --dtype float32 --device cpu --items 2 --cues 1 --stem-tokens 8 --question-tokens 3-5 "
        f"--repeats 1 --peers dense-mask --check-items 1 --no-ceiling --json {file}".split()
    )
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) <= COLUMNS
    text = file.read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    found = json.loads(text)
    assert list(peer_lines(found)) == printed
    assert found["load"]["requests"] == 6 and found["load"]["drawn"]["cues"] == 1
    assert {"command", "date", "git", "machine", "versions", "results"} <= set(found)
    assert found["results"][0]["skipped"] == {"vllm": "no interpreter named by --vllm-python"}


@pytest.mark.parametrize(
    ("typed", "published"),
    [
        ("/home/me/models/m", "m"),
        ("hf//home/me/m", "hf/m"),
        ("--json=/tmp/x.json", "--json=x.json"),
        ("hf/ORG/NAME@REV", "hf/ORG/NAME@REV"),
        ("hint_facts?k=4", "'hint_facts?k=4'"),
    ],
)
def test_a_published_command_names_no_folder(typed: str, published: str) -> None:
    assert command_line("benchmarks.scorer", [typed]) == f"python -m benchmarks.scorer {published}"


def test_growing_loads_are_measured_case_by_case() -> None:
    scored = score_size(Job("scorer", 9, None, "float32", "cpu"))
    assert (scored["cases"], scored["requests"]) == (12, 27)
    run = run_size(Job("run", 8, None, "float32", "cpu"))
    assert run["cases"] == 8 and run["requests"] >= 18
    for size in (scored, run):
        assert size["seconds_per_case"] == size["seconds"] / size["cases"]
        assert size["rise_bytes"] >= 0
    part = {"sizes": [scored, run], "largest_to_smallest": 1.0}
    lines = scaling_lines({"model": "tiny", "machine": {"cpu": "x", "threads": 1}, "scaling": {"scorer": part}})
    assert max(map(len, lines)) <= COLUMNS


def test_peers_that_were_not_asked_for_are_not_opened(subject: Subject) -> None:
    assert [peer.name for peer in open_peers(subject, ())] == ["introbench"]
