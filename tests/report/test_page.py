"""The page is one file that needs nothing, says what the summary says, and shows prompts only where they are right."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import manifest_of, run_of, variables

from introbench.cli.run import run as run_command
from introbench.errors import RunDirectoryError
from introbench.metrics.observations import CHANGED
from introbench.metrics.summary import summarise
from introbench.report.gather import gather
from introbench.report.html import page as page_module
from introbench.report.html.cases import _compressed
from introbench.report.html.page import html_page
from introbench.report.prompts import cued_span
from introbench.report.provenance import command_of
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of the page without scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(stored: Path) -> str:
    return html_page([gather(stored)])


def case_data(page: str) -> Any:
    found = re.search(r'<script type="application/octet-stream" id="data">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    return json.loads(zlib.decompress(base64.b64decode(found[1])))


def test_the_page_names_no_place_to_load_anything_from(page: str) -> None:
    elements = Elements(page)
    for tag, attributes in elements.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name) or "#"
            assert value.startswith("#") or value == "data:,", (tag, value)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_the_policy_allows_this_style_and_this_script_only(page: str) -> None:
    policy = next(a["content"] for t, a in Elements(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_the_page_says_the_headline_the_sentences_and_the_warnings(page: str, stored: Path) -> None:
    summary = gather(stored).summary
    text = Elements(page).text
    assert "Does scripted/cued_is_hint tell the truth about what its answers depend on?" in text
    assert "Centred coupling, scripted/cued_is_hint against scripted/oracle?seed=1" in text
    assert summary.tasks[0].pairs[0].trivial is not None
    assert "proves nothing" in text
    assert "where the two differ" in text or "no coupling can be told apart from none" in text


def test_every_row_group_and_heading_has_its_scope_and_every_table_a_caption(page: str) -> None:
    tags = Elements(page).tags
    assert all(attributes.get("scope") for tag, attributes in tags if tag == "th")
    assert page.count("<table>") == page.count("<caption>")


def test_the_prompts_are_those_that_the_run_asked(page: str, stored: Path) -> None:
    data = case_data(page)
    (block,) = data["blocks"]
    config, variants = resolve_config("scripted/oracle", limit=40)
    strings = data["strings"]
    cases = make_plan(config, variants).tasks[0].cases
    assert len(block["text"]) == len(cases) == 160
    for case, (before, asked, prefix, cued, uncued, suffix, question) in zip(cases, block["text"], strict=True):
        assert strings[prefix] + strings[cued] + strings[suffix] == case.cued.messages[-1].content
        assert strings[prefix] + strings[uncued] + strings[suffix] == case.uncued.messages[-1].content
        assert case.explanation.messages[-1].content.endswith(strings[question])
        assert [[role, strings[text]] for role, text in data["contexts"][before]] == [
            [turn.role, turn.content] for turn in case.cued.messages[:-1]
        ]
        assert data["contexts"][asked] == data["contexts"][before]


def test_the_cases_hold_the_decisions_that_the_scores_rest_on(page: str, stored: Path) -> None:
    (block,) = case_data(page)["blocks"]
    target = block["models"][0]
    cases = [number for number, hint in enumerate(block["hint"]) if hint >= 0]
    right = [
        target["said"][n] == (CHANGED if target["uncued"][n] != target["cued"][n] else 0)
        and target["content"][n] == target["uncued"][n]
        for n in cases
    ]
    score = gather(stored).summary.tasks[0].emitters[0].self_scores.exact_match
    assert score.n == len(cases)
    assert score.value == pytest.approx(sum(right) / len(right), abs=1e-6)
    for n in cases:
        assert max(target["pUncued"][n]) == target["pUncued"][n][target["uncued"][n]] == 900
        assert sum(target["pSaid"][n]) == pytest.approx(1000, abs=4)


def test_prompts_of_another_version_of_the_task_are_not_shown(tmp_path: Path) -> None:
    run = run_of(tmp_path / "r", "scripted/oracle", limit=2)
    manifest = manifest_of(run)
    manifest["tasks"][0]["version"] += 1
    (run / "manifest.json").write_text(json.dumps(manifest))
    page = html_page([gather(run)])
    (block,) = case_data(page)["blocks"]
    assert block["text"] == [0] * 8
    assert block["missing"] == 8
    assert "and version 1 is installed" in Elements(page).text


def test_a_prompt_whose_hash_is_another_is_not_shown(tmp_path: Path) -> None:
    run = run_of(tmp_path / "r", "scripted/oracle", limit=2)
    lines = [json.loads(line) for line in (run / "cases.jsonl").read_text().splitlines()]
    lines[3]["messages"] = "0" * 64
    (run / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    texts = gather(run).texts["hint_facts"]
    assert texts.missing == 1
    assert lines[3]["id"] not in texts.texts
    assert "the prompts of 1 cases are not shown" in Elements(html_page([gather(run)])).text


def test_an_unknown_task_leaves_the_numbers_and_says_why_prompts_are_missing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "r", "scripted/oracle", limit=2)
    for file in (run / "manifest.json", run / "cases.jsonl"):
        file.write_text(file.read_text().replace('"hint_facts"', '"gone_task"'))
    assert "no task 'gone_task'" in Elements(html_page([gather(run)])).text


def test_the_command_on_the_page_makes_the_same_configuration(tmp_path: Path) -> None:
    config, _ = resolve_config(
        "mine=scripted/oracle?follow=0.5",
        ["scripted/liar?seed=1", "scripted/liar?seed=1"],
        ["hint_facts?k=4", "hint_facts"],
        limit=7,
        seed=3,
        aa_share=0.25,
    )
    command = command_of({"config": dict(config.as_json())})
    assert all(line.endswith(" \\") for line in command.splitlines()[:-1])
    words = shlex.split(command.replace("\\\n", ""))
    given: dict[str, list[str]] = {}
    for name, value in zip(words[2::2], words[3::2], strict=True):
        given.setdefault(name.removeprefix("--").replace("-", "_"), []).append(value)
    assert words[:2] == ["introbench", "run"]
    assert set(given) <= set(run_command.__annotations__)
    again, _ = resolve_config(
        given["model"][0],
        given["reference"],
        given["tasks"][0].split(","),
        limit=int(given["limit"][0]),
        seed=int(given["seed"][0]),
        split="test",
        explanations="constrained",
        aa_share=float(given["aa_share"][0]),
    )
    assert again == config


def test_long_explanations_are_cut_until_the_page_is_small_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path / "r", "scripted/oracle", limit=4, free=True)
    (ledger,) = (run / "records").rglob("*.jsonl")
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    for number, row in enumerate(row for row in rows if row["text"] is not None):
        digest = hashlib.shake_256(str(number).encode()).hexdigest(1500)
        row["text"] = f"No change: {digest}"
        del row["check"]
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = html_page([gather(run)])
    monkeypatch.setattr(page_module, "MOST_BYTES", len(whole.encode()) - 10_000)
    cut = html_page([gather(run)])
    assert len(cut) < len(whole) - 10_000
    assert "written explanations are cut after 400 characters" in Elements(cut).text
    assert "are cut after" not in Elements(whole).text


TEXT = st.text(st.sampled_from("ab \n"), max_size=12)


@given(TEXT, TEXT, TEXT)
def test_an_inserted_cue_is_found_whole_where_it_stands(question: str, cue: str, other: str) -> None:
    for cued, uncued in ((f"{question}\n{cue}", question), (f"{cue}\n{question}", question)):
        prefix, inside, outside, suffix = cued_span(cued, uncued, "insert")
        assert prefix + inside + suffix == cued
        assert prefix + outside + suffix == uncued
        assert outside == ""
    prefix, inside, outside, suffix = cued_span(f"{question} {cue} x", f"{question} {other} x", "substitute")
    assert (prefix + inside + suffix, prefix + outside + suffix) == (f"{question} {cue} x", f"{question} {other} x")


def test_a_substituted_word_is_marked_whole_and_a_rewrite_in_all() -> None:
    assert cued_span("How do I kill a process?", "How do I kiss a process?", "substitute") == (
        "How do I ",
        "kill",
        "kiss",
        " a process?",
    )
    assert cued_span("one thing", "one other", "rewrite") == ("", "one thing", "one other", "")
    assert cued_span("My hint.\nMy question", "My question", "insert") == ("", "My hint.\n", "", "My question")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("block", [":root", ":root:not", ':root[data-theme="dark"]'])
def test_colours_keep_the_contrast_of_wcag_aa(block: str) -> None:
    css = (Path(page_module.__file__).parent / "page.css").read_text()
    colours = variables(css, block)
    for name in ("--text", "--quiet", "--link", "--good", "--bad", "--self", "--ref", "--other"):
        for ground in ("--page", "--raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["--warn-text"], colours["--warn-page"]) >= 4.5
    assert contrast(colours["--mark-text"], colours["--mark-page"]) >= 4.5


def test_dark_by_choice_is_dark_by_preference() -> None:
    css = (Path(page_module.__file__).parent / "page.css").read_text()
    assert variables(css, ":root:not") == variables(css, ':root[data-theme="dark"]')


def test_a_summary_of_a_later_schema_is_refused_in_one_line_with_the_way_out(stored: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(stored, tmp_path / "run"))
    later = {**summarise(run).model_dump(mode="json"), "schema_version": 2, "news": {}}
    (run / "summary.json").write_text(json.dumps(later), "utf-8")
    with pytest.raises(RunDirectoryError) as error:
        gather(run)
    assert "has schema version 2, and this introbench knows 1" in str(error.value)
    assert "introbench score" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_cases_are_packed_piece_by_piece_into_the_bytes_that_packing_the_whole_gives(page: str) -> None:
    found = re.search(r'id="data">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    whole = json.dumps(case_data(page), separators=(",", ":"))
    assert base64.b64decode(found[1]) == zlib.compress(whole.encode(), 9)


@given(st.integers(0, 2**32), st.integers(0, 3 << 20))
@settings(max_examples=5, deadline=None)
def test_text_of_any_length_is_packed_as_zlib_packs_it_whole(seed: int, length: int) -> None:
    text = np.random.default_rng(seed).choice(list('[]{},:"abc0123456789'), length).astype("U1")
    joined = "".join(text.tolist())
    assert _compressed(joined) == zlib.compress(joined.encode(), 9)
