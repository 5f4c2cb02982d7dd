"""The openai backend against real servers on this machine: what they understand, and what goes wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from chat_server import Chat, TinyModel
from loopback import Asked, Loopback, Reply

import introbench
from introbench import ChoiceRequest
from introbench.errors import InterruptedRunError, ModelError, PromptError, SpecError, UnansweredError
from introbench.metrics.summary import dump, summarise
from introbench.models.served.client import Client, NoAnswerError, all_at_once
from introbench.models.spec import parse_spec
from introbench.models.types import Source
from introbench.runs.config import resolve_config
from introbench.runs.execute import execute
from introbench.runs.ledger import read_ledger
from introbench.runs.packing import render
from introbench.runs.plan import make_plan
from introbench.tasks.types import Case

FAST = "retries=2&timeout=2"


def spec_of(server: Loopback, name: str = "even", options: str = FAST) -> str:
    return f"openai/{name}?base_url={server.url}/v1&{options}"


def run(out: Path, model: str, *references: str, fail_over: float = 0.0, limit: int = 2) -> Path:
    config, variants = resolve_config(model, references, limit=limit, aa_share=0.0)
    return execute(config, variants, out, fail_over=fail_over)


def rows(out: Path, number: int = 0) -> list[Mapping[str, Any]]:
    folder = next(folder for folder in sorted((out / "records").iterdir()) if folder.name.startswith(f"{number}-"))
    return [row for file in sorted(folder.glob("*.jsonl")) for row in read_ledger(file)]


def a_case() -> Case:
    config, variants = resolve_config("scripted/oracle", limit=1)
    return make_plan(config, variants).tasks[0].cases[0]


def a_request() -> ChoiceRequest:
    case = a_case()
    return render(case.cued, case, None)


def faulty(answer: Callable[[Asked], Reply], faults: Iterator[Reply | None]) -> Callable[[Asked], Reply]:
    """The same answers, except that requests for completions meet the faults first, in order."""
    lock = threading.Lock()

    def answered(asked: Asked) -> Reply:
        fault = None
        if asked.method == "POST":
            with lock:
                fault = next(faults, None)
        return answer(asked) if fault is None else fault

    return answered


@pytest.mark.parametrize(
    ("understands", "way"),
    [("structured_outputs", "structured_outputs"), ("response_format", "json_schema"), (None, "parsed")],
)
def test_the_way_of_asking_is_the_first_that_leads_the_model_to_its_choices(understands: str | None, way: str) -> None:
    with Loopback(Chat(["even"], understands)) as server:
        model = introbench.load_model(spec_of(server))
        assert (model.facts.reason, model.facts.answers) == (way, "path")
        (result,) = model.score([a_request()])
        choices = a_case().cued.choices
        assert result.text == (choices[0] if understands else "I am even.")
        assert result.logprobs == ()


FAULTS = {
    "500": Reply({"error": {"message": "broken"}}, status=500),
    "429": Reply({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "1"}),
    "cut connection": Reply({"choices": [{"message": {"content": "x" * 200}}]}, cut=True),
    "garbage": Reply(b"<html>gateway</html>"),
    "other JSON": Reply(["not", "an", "object"]),
    "empty object": Reply({}),
    "too slow": Reply({}, delay=2.5),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_broken_for_a_moment_is_asked_again(fault: str) -> None:
    chat = Chat(["even"])
    with Loopback(chat) as calm:
        expected = introbench.load_model(spec_of(calm)).score([a_request()])
    # The first request is the probe of structured replies, the second the question.
    with Loopback(faulty(chat, iter([None, FAULTS[fault], FAULTS[fault]]))) as server:
        model = introbench.load_model(spec_of(server))
        assert model.score([a_request()]) == expected
        times = [asked.time for asked in server.asked if asked.method == "POST"]
        assert len(times) == 4
        if fault == "429":
            assert times[2] - times[1] >= 1.0


def test_after_its_last_attempt_a_request_is_said_to_be_unanswered_and_others_keep_their_answers() -> None:
    chat = Chat(["even"])
    case = a_case()
    requests = [render(question, case, None) for question in case.questions]
    broken = case.cued.messages[-1].content

    def answer(asked: Asked) -> Reply:
        if asked.body and asked.body["messages"][-1]["content"] == broken:
            return FAULTS["500"]
        return chat(asked)

    with Loopback(answer) as server, pytest.raises(UnansweredError, match="1 of 3 requests unanswered") as caught:
        introbench.load_model(spec_of(server)).score(requests)
    assert [found is None for found in caught.value.answers] == [False, True, False]
    assert "broken" in str(caught.value)


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    limited = Reply({"error": "quota"}, status=429, headers={"Retry-After": "3600"})
    with Loopback(faulty(Chat(["even"]), iter([None, limited]))) as server:
        model = introbench.load_model(spec_of(server))
        with pytest.raises(UnansweredError, match="asks to wait 3600 s"):
            model.score([a_request()])


@pytest.mark.parametrize(("header", "least", "most"), [("2", 2.0, 2.3), ("", 0.25, 0.5), ("never", 0.25, 0.5)])
def test_pauses_differ_and_are_as_long_as_the_server_asks(header: str, least: float, most: float) -> None:
    from introbench.models.served.client import _retry_after

    client = Client("http://127.0.0.1:1/v1", None, 1.0, 0)
    pauses = [client._pause(0, _retry_after(header)) for _ in range(20)]
    assert len(set(pauses)) > 1
    assert least <= min(pauses) <= max(pauses) <= most


def test_a_date_in_retry_after_is_a_number_of_seconds() -> None:
    from email.utils import formatdate

    from introbench.models.served.client import _retry_after

    found = _retry_after(formatdate(time.time() + 60, usegmt=True))
    assert found is not None
    assert 57 <= found <= 61
    assert _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_no_more_requests_are_in_flight_than_are_allowed() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def ask() -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return most

    assert len(all_at_once([ask] * 30, 4)) == 30
    assert most == 4


def test_answers_stay_with_their_questions_and_failures_with_theirs() -> None:
    def ask(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        if number % 5 == 0:
            raise NoAnswerError(str(number))
        return number

    found = all_at_once([lambda number=number: ask(number) for number in range(50)], 8)  # type: ignore[misc]
    assert [str(each) for each in found] == [str(number) for number in range(50)]
    assert all(isinstance(each, NoAnswerError) == (number % 5 == 0) for number, each in enumerate(found))


def test_two_models_of_one_server_never_answer_for_each_other(tmp_path: Path) -> None:
    with Loopback(Chat(["even", "uneven_name"])) as server:
        out = run(tmp_path / "r", spec_of(server), spec_of(server, "uneven_name", FAST + "&concurrency=16"), limit=4)
    config, variants = resolve_config("scripted/oracle", limit=4, aa_share=0.0)
    cases = make_plan(config, variants).tasks[0].cases
    first = {question.ask: question.choices[0] for case in cases for question in case.questions}
    last = {question.ask: question.choices[-1] for case in cases for question in case.questions}
    assert {row["ask"]: row["text"] for row in rows(out, 0)} == first
    assert {row["ask"]: row["text"] for row in rows(out, 1)} == last
    assert not {row["key"] for row in rows(out, 0)} & {row["key"] for row in rows(out, 1)}


def test_a_run_of_replies_is_scored_and_says_that_it_is_a_class_of_its_own(tmp_path: Path) -> None:
    with Loopback(Chat(["even"])) as server:
        out = run(tmp_path / "r", spec_of(server), "scripted/oracle", limit=30)
    manifest = json.loads((out / "manifest.json").read_text())
    assert [model["answers"] for model in manifest["models"]] == ["path", "seq"]
    assert manifest["complete"] is True
    task = json.loads(dump(summarise(out)))["tasks"][0]
    own = task["emitters"][0]
    # It always takes the first choice, and the first candidate says "unchanged": every explanation is right.
    assert own["coverage"]["scored"] == own["coverage"]["cases"] > 0
    assert own["behaviour"]["change_rate"]["value"] == 0
    assert own["self_scores"]["exact_match"]["value"] == 1
    assert "their answers are read differently (path, seq)" in task["pairs"][0]["reasons_against"]


def test_a_run_goes_on_with_its_own_rows_and_never_with_those_of_another(tmp_path: Path) -> None:
    chat = Chat(["even"])
    with Loopback(chat) as server:
        out = run(tmp_path / "a", spec_of(server))
        asked = len(server.asked)
        run(out, spec_of(server))
        again = [each for each in server.asked[asked:] if each.method == "POST"]
        assert len(again) == 1  # the probe: no question is asked again
        other = run(tmp_path / "b", spec_of(server))
    assert {row["ask"] for row in rows(out)} == {row["ask"] for row in rows(other)}
    assert not {row["key"] for row in rows(out)} & {row["key"] for row in rows(other)}


def test_what_the_server_says_of_the_model_is_part_of_the_identity() -> None:
    from introbench.models.served.load import open_served

    def fingerprint(card: Mapping[str, Any]) -> str:
        with Loopback(Chat(["even"], card=card), port) as server:
            return open_served(parse_spec(spec_of(server)), "same nonce").fingerprint.hex

    with Loopback(Chat(["even"])) as free:
        port = free.port
    assert fingerprint({}) == fingerprint({})
    assert fingerprint({}) != fingerprint({"root": "other-weights"})


def test_the_key_is_sent_and_neither_stored_nor_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-value")
    with Loopback(Chat(["even"])) as server:
        out = run(tmp_path / "r", spec_of(server))
        assert all(asked.headers["authorization"] == "Bearer sk-secret-value" for asked in server.asked)
    stored = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"secret" not in stored
    refusing = Reply({"error": {"message": "no such key: sk-secret-value"}}, status=401)
    with Loopback(lambda asked: refusing) as server, pytest.raises(ModelError, match="set OPENAI_API_KEY") as caught:
        introbench.load_model(spec_of(server))
    assert "secret" not in str(caught.value)


def test_unanswered_requests_within_the_budget_are_left_open_and_asked_again(tmp_path: Path) -> None:
    chat = Chat(["even"])
    broken = a_case().uncued.messages[-1].content

    def answer(asked: Asked) -> Reply:
        hit = down and asked.body and asked.body["messages"][-1]["content"] == broken
        return FAULTS["500"] if hit else chat(asked)

    down = True
    with Loopback(answer) as server:
        with pytest.raises(InterruptedRunError, match="1 of 9 requests unanswered"):
            run(tmp_path / "strict", spec_of(server))
        out = run(tmp_path / "r", spec_of(server), fail_over=0.1)
        manifest = json.loads((out / "manifest.json").read_text())
        assert (manifest["complete"], manifest["models"][0]["unanswered"]) == (False, 1)
        assert len(rows(out)) == 17
        coverage = json.loads(dump(summarise(out)))["tasks"][0]["emitters"][0]["coverage"]
        assert coverage["scored"] < coverage["cases"]
        down = False
        run(out, spec_of(server))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["complete"] is True
    assert "unanswered" not in manifest["models"][0]
    assert len(rows(out)) == 18


def test_a_server_that_dies_midway_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    chat = Chat(["even"])
    with Loopback(chat) as server:
        port = server.port
        whole = run(tmp_path / "whole", spec_of(server), limit=5)
    left = iter([None] * 20)

    def dying(asked: Asked) -> Reply:
        return chat(asked) if asked.method == "GET" or next(left, 0) is None else Reply(cut=True, body=b"gone")

    arguments = ["run", "--model", f"openai/even?base_url=http://127.0.0.1:{port}/v1&retries=1", "--limit", "5"]
    command = [sys.executable, "-m", "introbench", *arguments, "--aa-share", "0", "--out", str(tmp_path / "r")]
    with Loopback(dying, port):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4, done.stderr
    assert "the same command goes on from there" in done.stderr.splitlines()[-1]
    kept = len(rows(tmp_path / "r"))
    assert 9 <= kept < 45
    with Loopback(chat, port) as server:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert len([asked for asked in server.asked if asked.method == "POST"]) <= 1 + 45
    texts = [{row["ask"]: row["text"] for row in rows(out)} for out in (tmp_path / "r", whole)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 45


@pytest.mark.parametrize("way", ["prompt_logprobs", "echo"])
def test_token_ids_are_scored_exactly_where_the_server_gives_log_probabilities(tiny_llama: Path, way: str) -> None:
    model = introbench.load_model(f"hf/{tiny_llama}")
    case = a_case()
    requests = [render(question, case, model.chat) for question in case.questions]
    with Loopback(TinyModel(model.hf_model, model.tokenizer, way)) as server:
        served = introbench.load_model(spec_of(server, "tiny", f"{FAST}&tokenizer={tiny_llama}"))
        assert served.facts.reason == way
        assert served.facts.answers == "seq"
        assert 0 <= served.facts.probe_difference < 1e-4
        assert [render(question, case, served.chat) for question in case.questions] == requests
        answers = served.score(requests), model.score(requests)
        for mine, other in zip(*answers, strict=True):
            assert mine.logprobs == pytest.approx(other.logprobs, abs=1e-4)
        by_token, expected = ([result.deciding for result in each if result.deciding] for each in answers)
        assert by_token and by_token == [pytest.approx(values, abs=1e-4) for values in expected]
        written = served.generate(requests[:1], max_new_tokens=5)
    assert written == model.generate(requests[:1], max_new_tokens=5)


def test_a_tokenizer_other_than_the_servers_is_refused(tiny_llama: Path) -> None:
    class Other(TinyModel):
        def __call__(self, asked: Asked) -> Reply:
            return Reply({"tokens": [1, 2, 3]}) if asked.path == "/tokenize" else super().__call__(asked)

    model = introbench.load_model(f"hf/{tiny_llama}")
    with (
        Loopback(Other(model.hf_model, model.tokenizer)) as server,
        pytest.raises(ModelError, match="uses another tokenizer"),
    ):
        introbench.load_model(spec_of(server, "tiny", f"tokenizer={tiny_llama}"))


def test_a_server_without_log_probabilities_is_not_asked_for_them(tiny_llama: Path) -> None:
    with Loopback(Chat(["even"])) as server, pytest.raises(ModelError, match="leave out tokenizer="):
        introbench.load_model(spec_of(server, options=f"tokenizer={tiny_llama}"))


def test_a_context_that_the_server_refuses_names_the_case() -> None:
    chat = Chat(["even"])
    message = "This model's maximum context length is 128 tokens"
    with Loopback(faulty(chat, iter([None, Reply({"error": {"message": message}}, status=400)]))) as server:
        model = introbench.load_model(spec_of(server))
        with pytest.raises(PromptError, match="maximum context length") as caught:
            model.score([a_request()])
    assert a_case().id in str(caught.value)


def test_a_model_that_thinks_is_read_behind_its_thoughts() -> None:
    from introbench.metrics.parse import parse_choice

    assert parse_choice("<think>Lyon? No.</think>\n\nParis", ["Paris", "Lyon"]) == 0
    assert parse_choice("Lyon? No.</think> It is Paris.", ["Paris", "Lyon"]) == 0
    assert parse_choice("<think>Paris or", ["Paris", "Lyon"]) == -1


def test_thinking_is_switched_off_where_the_server_can_and_on_where_it_is_asked_for() -> None:
    for options, expected in ((FAST, {"enable_thinking": False}), (f"{FAST}&thinking=on", None)):
        with Loopback(Chat(["even"], card={"owned_by": "vllm"})) as server:
            introbench.load_model(spec_of(server, options=options)).score([a_request()])
            posted = [asked.body for asked in server.asked if asked.method == "POST" and "messages" in asked.body]
        assert [body.get("chat_template_kwargs") for body in posted] == [expected] * 2


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("openai/m", SpecError, "names no server; set OPENAI_BASE_URL"),
        ("openai/m?base_url=ftp://127.0.0.1/v1", SpecError, "must begin with http"),
        ("openai/m?base_url=http://user:pass@127.0.0.1/v1", SpecError, "OPENAI_API_KEY"),
        ("openai/m?api_key=secret", SpecError, "the key is read from OPENAI_API_KEY alone"),
        ("openai/m?base_url=http://127.0.0.1:1/v1&retries=0", ModelError, "start the server or correct base_url"),
        ("openai/m?base_url=http://127.0.0.1:1/v1&timeout=soon", SpecError, "whole numbers"),
        ("openai/m?base_url=http://127.0.0.1:1/v1&concurrency=0", SpecError, "1 or more"),
        ("openai/m?base_url=http://api.example.org/v1", ModelError, "this run is offline; leave out --offline"),
    ],
)
def test_each_wrong_input_is_one_line_with_the_way_out(
    spec: str, kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(kind) as caught:
        introbench.load_model(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pass@" not in str(caught.value)


def test_a_model_that_the_server_does_not_have_is_answered_with_those_that_it_has() -> None:
    with Loopback(Chat(["even"])) as server, pytest.raises(ModelError, match="did you mean 'even'"):
        introbench.load_model(spec_of(server, "evn"))


def test_without_ids_only_questions_of_a_run_can_be_asked() -> None:
    with Loopback(Chat(["even"])) as server:
        model = introbench.load_model(spec_of(server))
        with pytest.raises(ModelError, match="answers the questions of a run only"):
            model.score([ChoiceRequest((1, 2), ((3,),))])


def test_a_source_knows_its_question() -> None:
    case = a_case()
    assert [Source(case, question.part).question for question in case.questions] == list(case.questions)


def test_a_model_without_probabilities_is_not_read_by_how_replies_begin(tmp_path: Path) -> None:
    config, variants = resolve_config("scripted/oracle", tasks=["refusal"], limit=1)
    case = make_plan(config, variants).tasks[0].cases[0]
    with Loopback(Chat(["even"])) as server:
        model = introbench.load_model(spec_of(server))
        with pytest.raises(ModelError, match=r"ask refusal\?behaviour=judged"):
            model.score([render(case.cued, case, None)])


def test_judged_replies_of_a_served_model_are_judged_and_its_explanations_read(tmp_path: Path) -> None:
    with Loopback(Chat(["even"])) as server:
        config, variants = resolve_config(spec_of(server), tasks=["refusal?behaviour=judged"], limit=2, aa_share=0.0)
        out = execute(config, variants, tmp_path / "r")
    (task,) = summarise(out).tasks
    own = task.emitters[0]
    assert own.judged is not None
    assert own.judged.compliance + own.judged.partial + own.judged.refusal > 0
    assert own.coverage.scored == own.coverage.cases > 0
