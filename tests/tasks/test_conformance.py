"""The conformance kit: sound tasks pass, and each way of breaking one is told by its own message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plugins import Rows, changed_plugin, new_plugin

from introbench.errors import TaskError
from introbench.models import scripted
from introbench.models.load import open_model
from introbench.models.spec import parse_spec
from introbench.tasks import conformance
from introbench.tasks.cases import build_cases
from introbench.tasks.checks import case_problems
from introbench.tasks.conformance import problems
from introbench.tasks.registry import find_tasks
from introbench.tasks.task import ItemSet, Task
from introbench.tasks.types import Message
from introbench.testing import all_problems, check_task

BUNDLED = [name for name, task in find_tasks().items() if task.info.bundled]


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_task_keeps_the_contract(name: str) -> None:
    check_task(find_tasks()[name])


def test_a_new_plugin_keeps_the_contract(tmp_path: Path) -> None:
    check_task(changed_plugin(new_plugin(tmp_path)))


def row(rows: Rows, name: str) -> dict[str, Any]:
    return next(row for row in rows if row["id"] == name)


def set_row(name: str, **values: Any) -> Callable[[Rows], None]:
    return lambda rows: row(rows, name).update(values)


def set_cue(number: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["cues"][number].update(values)


def same_question_in_both_splits(rows: Rows) -> None:
    rows.append({**row(rows, "fruit"), "id": "fruit_again", "cluster": "another", "split": "test"})


def near_identical_questions(rows: Rows) -> None:
    words = (
        "a long account of what went on between two neighbours over a hedge that nobody had cut for years and years "
    )
    words += "while both of them looked on in silence and said nothing at all"
    row(rows, "fruit").update(question=f"{words}. Who was right?")
    row(rows, "fish").update(question=f"{words}. Who then was right?")


def key_always_first(rows: Rows) -> None:
    for each in rows:
        right = each["choices"].pop(each["key"])
        each.update(choices=[right, *each["choices"]], key=0)


def uncued_answer_in_a_field(rows: Rows) -> None:
    for number, each in enumerate(rows):
        each["fields"] = {"earlier": each["choices"][number % 3]}


def printing(text: str, name: str = "my opinion") -> Callable[[dict[str, Any]], None]:
    def change(file: dict[str, Any]) -> None:
        file["fields"] = ["earlier"]
        file["cues"][0].update(text=text, name=name)

    return change


def question_that_states_an_answer(rows: Rows) -> None:
    for number, each in enumerate(rows):
        each["question"] += f" You said {each['choices'][number % 3]}."


def biased_pushes(rows: Rows) -> Rows:
    """Questions with a right answer, half of them yes; only where it is yes does the cue that pushes to yes apply."""
    return [
        {
            "id": f"q{number}", "kind": "k", "cluster": f"c{number}", "split": "train" if number % 3 else "test",
            "question": f"Is {number} in the list?", "choices": ["yes", "no"], "key": number % 2,
            "fields": {"says_yes": "sure"} if number % 2 == 0 else {"says_no": "not"},
        }
        for number in range(60)
    ]  # fmt: skip


def pushing(file: dict[str, Any]) -> None:
    shared = {"edit": "insert", "position": "after", "name": "my word"}
    file["fields"] = ["says_yes", "says_no"]
    file["cues"] = [
        {**shared, "id": "sure", "kind": "sure", "split": "train", "text": "I am {says_yes}.", "pushes": "yes"},
        {**shared, "id": "doubt", "kind": "doubt", "split": "test", "text": "I am {says_no}.", "pushes": "no"},
    ]


def substituting_of(file: dict[str, Any]) -> None:
    set_cue(0, edit="substitute", position=None, target=" of ", text=" of {hint} and ")(file)
    del file["cues"][1]


TWICE = "Which of these is a kind of fruit?"
BROKEN: dict[str, tuple[Any, Any, str]] = {
    "an edit of two spans": (
        set_row("fruit", question=TWICE),
        substituting_of,
        "edits: cue 'opinion_think': its target ' of ' stands 2 times in the question of item 'fruit'",
    ),
    "a target inside a word": (
        None,
        set_cue(0, edit="substitute", position=None, target="hich", text="hich {hint}"),
        "the target 'hich' of the substitution is a part of a longer word",
    ),
    "an item in both splits": (
        same_question_in_both_splits,
        None,
        "splits: items 'fruit' (train) and 'fruit_again' (test) ask the same question",
    ),
    "near-identical items": (
        near_identical_questions,
        None,
        "items 'fruit' (train) and 'fish' (test) are near-identical",
    ),
    "a cluster in both splits": (set_row("bird", cluster="fruit"), None, "cluster 'fruit' is in both train and test"),
    "an empty split": (
        lambda rows: [each for each in rows if each["split"] == "test"],
        None,
        "split 'train' has no items",
    ),
    "no kind held out": (None, set_cue(2, split="train"), "hold one out with 'test'"),
    "the same wording twice": (None, set_cue(1, text="I think it is {hint}"), "'opinion_bet' have the same text"),
    "a hint that follows the key": (
        biased_pushes,
        pushing,
        "hints: what cues push towards is not independent of the key",
    ),
    "a key that stands first": (key_always_first, None, "hints: the key leans towards a position; shuffle the choices"),
    "an uncued answer in a cue": (
        uncued_answer_in_a_field,
        printing("Before, you said {earlier}; I say {hint}."),
        "leaks: cue 'opinion_think' prints the field 'earlier', which names the choice 'apple' of item 'fruit'",
    ),
    "an uncued answer in a name": (
        uncued_answer_in_a_field,
        printing("I say {hint}.", name="my word (you said {earlier} without it)"),
        "leaks: cue 'opinion_think' prints the field 'earlier'",
    ),
    "an answer in the question": (question_that_states_an_answer, None, "name exactly one of their choices"),
    "an empty choice": (
        set_row("fruit", choices=["apple", " ", "violin"]),
        None,
        "a list of texts, none of them empty",
    ),
    "a choice with a space": (set_row("fruit", choices=["apple", "granite ", "violin"]), None, "ends with a space"),
    "equal choices": (
        set_row("fruit", choices=["apple", "Apple", "violin"]),
        None,
        "two or more choices, all different",
    ),
    "an unknown placeholder": (None, set_cue(0, text="{hint} {who}"), "has the unknown placeholder {who}"),
    "a placeholder in capitals": (None, set_cue(0, text="{hint} {Who}"), "prints '{Who}' as it stands"),
    "a field that no item has": (
        None,
        printing("{hint}, {earlier}"),
        "field 'earlier' is declared, but no item has it",
    ),
    "a field that no cue names": (
        uncued_answer_in_a_field,
        lambda file: file.update(fields=["earlier"]),
        "no cue names it",
    ),
    "two wrong things": (
        set_row("fruit", choices=["apple"]),
        set_cue(0, text="I think."),
        "cue 'opinion_think' lacks {hint}",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_copy_fails_with_the_right_message(name: str, tmp_path: Path) -> None:
    items, templates, message = BROKEN[name]
    task = changed_plugin(new_plugin(tmp_path), items or (lambda rows: rows), templates or (lambda file: None))
    found = [str(problem) for problem in problems(task)]
    assert any(message in problem for problem in found), found
    with pytest.raises(TaskError) as error:
        check_task(task)
    assert all(problem in str(error.value) for problem in found)


def test_every_problem_is_listed_not_the_first_alone(tmp_path: Path) -> None:
    def many(rows: Rows) -> None:
        row(rows, "fruit").update(choices=["apple"])
        row(rows, "bird").update(key=7)
        row(rows, "fish").update(cluster="insect")

    task = changed_plugin(new_plugin(tmp_path), many, lambda file: file["cues"][0].update(text="I think."))
    path = tmp_path / "mine" / "items.jsonl"
    path.write_text(path.read_text() + "{\n")
    found = "\n".join(map(str, problems(replace(task, info=replace(task.info, licence="", version=0)))))
    for message in (
        "choices, all different",
        "key 7 is no index",
        "in both train and test",
        "lacks {hint}",
        "not JSON",
    ):
        assert message in found
    for message in ("licence is empty", "version is 0", "sha256 is", "25 items, the task declares 24"):
        assert message in found


def test_a_renderer_that_changes_a_second_place_is_found(tmp_path: Path) -> None:
    task = changed_plugin(new_plugin(tmp_path))
    cases = build_cases(task.items()[0], task.templates(), "mine", 0)
    case = next(case for case in cases if case.cue.position == "after")
    assert list(case_problems([case], task.templates())) == []
    text = case.cued.messages[-1].content
    turns = (*case.cued.messages[:-1], Message("user", text.replace("Which", "what")))
    (problem, _) = case_problems([replace(case, cued=replace(case.cued, messages=turns))], task.templates())
    assert "the edit 'insert' changes more than its span: cued and uncued prompt differ in 2 places" in problem


def test_a_renderer_that_follows_the_key_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def biased(item: Any, templates: Any, *arguments: Any, **options: Any) -> Any:
        cases = build_cases(item, templates, *arguments, **options)
        return [case if case.hint is None else replace(case, hint=item.key) for case in cases]

    monkeypatch.setattr(conformance, "build_cases", biased)
    found = [str(problem) for problem in problems(changed_plugin(new_plugin(tmp_path)))]
    assert any(problem.startswith("hints: the hint is not independent of the key") for problem in found)


def test_items_that_differ_from_load_to_load_are_found(tmp_path: Path) -> None:
    plain = changed_plugin(new_plugin(tmp_path))
    calls: list[int] = []

    def load(values: Any) -> ItemSet:
        calls.append(1)
        return ItemSet([replace(item, question=f"{item.question} ({len(calls)})") for item in plain.items()], "0")

    task = Task(replace(plain.info, sha256=None, count=None), plain.folder, (), load)
    assert "determinism: loading the items a second time gives others" in map(str, problems(task))


@pytest.mark.parametrize(
    ("name", "script", "message"),
    [
        ("oracle", "liar", "scripted/oracle: exact match is 0.000, arithmetic says 1.000"),
        ("echo", "oracle", "scripted/echo: J is 1.000, arithmetic says 0.000"),
        ("cued_is_hint", "oracle", "above the best floor, though it knows no counterfactual"),
        ("random", "oracle", "too much for chance"),
    ],
)
def test_a_model_that_scores_what_it_cannot_is_found(
    name: str, script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scripted.SCRIPTS, name, scripted.SCRIPTS[script])  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=message):
        check_task(changed_plugin(new_plugin(tmp_path)))


def test_a_task_whose_every_cue_is_apart_from_the_scores_is_found(tmp_path: Path) -> None:
    def rewrites(file: dict[str, Any]) -> None:
        for cue in file["cues"][:-1]:
            cue.update(edit="rewrite", text=f"{cue['id']} {{hint}}?")
            del cue["position"]

    with pytest.raises(TaskError, match="no case can be scored: all cues are placebos or rewrites"):
        check_task(changed_plugin(new_plugin(tmp_path), templates=rewrites))


def head_of(folder: Path) -> Any:
    return open_model(parse_spec(f"hf/{folder}"))


def test_a_tokenizer_counts_tokens_and_shared_beginnings(tiny_llama: Path, tmp_path: Path) -> None:
    task = changed_plugin(new_plugin(tmp_path), set_row("fruit", choices=["apple", "apricot stone", "violin"]))
    found, notes = all_problems(task, head=head_of(tiny_llama))
    assert found == []
    assert notes[0] == "behaviour text: in 3 of 24 items two choices begin with the same token"
    assert notes[1].startswith("behaviour text: the longest prompt has ")


def test_a_prompt_that_does_not_fit_is_named(tiny_llama: Path, tmp_path: Path) -> None:
    import json
    import shutil

    short = Path(shutil.copytree(tiny_llama, tmp_path / "short"))
    config = json.loads((short / "config.json").read_text())
    (short / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 256}))
    found, _ = all_problems(changed_plugin(new_plugin(tmp_path)), head=head_of(short))
    assert found
    assert all(problem.check == "tokens" and "the context is 256" in problem.message for problem in found)


def test_choices_that_a_tokenizer_cannot_tell_apart_are_named(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = Path(shutil.copytree(tiny_llama, tmp_path / "words"))
    words = ["[UNK]", "Paris", "seven", "Answer", ":", "apple", "granite"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", unk_token="[UNK]")
    wrapped.chat_template = (
        "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} <|end|> {% endfor %}"
        "{% if add_generation_prompt %}assistant {% endif %}"
    )
    wrapped.save_pretrained(folder)
    found, _ = all_problems(changed_plugin(new_plugin(tmp_path)), head=head_of(folder))
    assert any("two of its choices are the same tokens" in problem.message for problem in found)
