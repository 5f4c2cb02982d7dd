"""Runs: what arithmetic says of scripted models, and the same bytes whatever happens on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from introbench.errors import PromptError, RunDirectoryError, UsageError
from introbench.metrics.summary import dump, summarise
from introbench.ranks import Ranks
from introbench.runs.config import resolve_config
from introbench.runs.count import count_plan
from introbench.runs.execute import execute
from introbench.runs.ledger import canonical_ledger, read_ledger


def run(
    out: Path,
    model: str,
    *references: str,
    limit: int = 40,
    seed: int = 0,
    tasks: str = "hint_facts",
    aa_share: float = 0.0,
    explanations: Literal["constrained", "free"] = "constrained",
) -> Path:
    config, variants = resolve_config(
        model, references, tasks.split(","), limit=limit, seed=seed, aa_share=aa_share, explanations=explanations
    )
    return execute(config, variants, out)


def ledgers(run: Path) -> dict[str, bytes]:
    return {path.parent.name: canonical_ledger(path) for path in sorted((run / "records").rglob("*.jsonl"))}


def summary(run: Path) -> Any:
    return json.loads(dump(summarise(run)))


def emitter(run: Path, number: int = 0) -> Any:
    return summary(run)["tasks"][0]["emitters"][number]


def pair(run: Path) -> Any:
    return summary(run)["tasks"][0]["pairs"][0]


def test_the_oracle_scores_one_and_the_liar_nothing(tmp_path: Path) -> None:
    oracle = emitter(run(tmp_path / "o", "scripted/oracle"))["self_scores"]
    assert oracle["exact_match"]["value"] == oracle["youden_j"]["value"] == 1
    liar = emitter(run(tmp_path / "l", "scripted/liar"))["self_scores"]
    assert liar["exact_match"]["value"] == 0
    assert liar["youden_j"]["value"] == -1


@pytest.mark.parametrize("verdict", ["changed", "unchanged"])
def test_any_constant_verdict_has_j_zero(verdict: str, tmp_path: Path) -> None:
    constant = emitter(run(tmp_path / "c", f"scripted/constant?verdict={verdict}"))["self_scores"]
    assert constant["youden_j"]["value"] == 0


@pytest.mark.parametrize(
    "spec",
    [
        "scripted/echo",
        "scripted/constant?verdict=changed&role=hint",
        "scripted/constant?verdict=changed&role=key",
        "scripted/constant?verdict=unchanged&role=hint",
        "scripted/cued_is_hint",
        "scripted/hint_not_key",
    ],
)
def test_constant_roles_and_cued_answer_heuristics_have_no_centred_coupling(spec: str, tmp_path: Path) -> None:
    found = pair(run(tmp_path / "r", spec, "scripted/oracle?seed=1", limit=150))
    assert found["exact"]["drift"]["value"] > 0.3
    assert found["exact"]["centred_coupling"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["verdict"]["centred_coupling"]["value"] == pytest.approx(0, abs=1e-6)


def test_an_emitter_that_reports_anothers_labels_scores_one_against_the_other(tmp_path: Path) -> None:
    found = pair(run(tmp_path / "r", "scripted/reporter?of=1", "scripted/oracle?seed=1"))
    assert found["exact"]["reference_score"]["value"] == 1
    assert found["exact"]["centred_coupling"]["value"] < 0


def test_a_model_as_its_own_reference_has_no_drift_in_float32(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}"
    out = run(tmp_path / "r", spec, spec, limit=5)
    found = pair(out)
    assert found["exact"]["drift"]["value"] == 0
    assert found["exact"]["centred_coupling"]["status"] == "not estimable"
    first, second = (
        {
            row["ask"]: row["logprobs"]
            for path in sorted((out / "records" / name).iterdir())
            for row in read_ledger(path)
        }
        for name in sorted(path.name for path in (out / "records").iterdir())
    )
    assert first == second
    assert len(first) == 5 * 9


def test_two_runs_with_one_seed_give_the_same_canonical_bytes(tiny_llama: Path, tmp_path: Path) -> None:
    runs = [run(tmp_path / name, f"hf/{tiny_llama}", f"hf/{tiny_llama}?weight_noise=0.2", limit=6) for name in "ab"]
    assert ledgers(runs[0]) == ledgers(runs[1])
    assert (runs[0] / "cases.jsonl").read_bytes() == (runs[1] / "cases.jsonl").read_bytes()
    assert dump(summarise(runs[0])) == dump(summarise(runs[1]))


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 4), (signal.SIGTERM, 4)])
def test_a_killed_run_goes_on_to_the_bytes_of_an_undisturbed_one(
    how: signal.Signals, code: int, tiny_llama: Path, tmp_path: Path
) -> None:
    whole = run(tmp_path / "whole", f"hf/{tiny_llama}", limit=60)
    killed = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "introbench",
        "run",
        "--model",
        f"hf/{tiny_llama}",
        "--limit",
        "60",
        "--aa-share",
        "0",
    ]
    process = subprocess.Popen([*command, "--out", str(killed)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    ledger = killed / "records" / next(iter(ledgers(whole))) / "hint_facts.jsonl"
    deadline = time.monotonic() + 120
    while not (ledger.exists() and ledger.stat().st_size > 20_000):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait() == code
    rows = len(read_ledger(ledger))
    assert 0 < rows < 60 * 9
    assert not json.loads((killed / "manifest.json").read_text())["complete"]
    assert emitter(killed)["coverage"]["explained"] > 0
    run(killed, f"hf/{tiny_llama}", limit=60)
    assert ledgers(killed) == ledgers(whole)
    assert json.loads((killed / "manifest.json").read_text())["complete"]


def test_a_finished_run_is_found_again_without_loading_anything(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}", limit=3, aa_share=0.1)
    steps = []
    config, variants = resolve_config(f"hf/{tiny_llama}", limit=3)
    execute(config, variants, out, lambda progress: steps.append(progress.step))
    assert steps == ["opening", "asking"]
    _, counts = count_plan(config, variants, out)
    count = next(counts)
    assert count.requests == count.found == (3 + 1) * 9
    assert 0 < count.pushed_tokens <= count.bound_tokens < count.prompt_tokens


def test_a_question_that_two_tasks_share_is_asked_once(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}", limit=3, tasks="hint_facts,hint_facts?k=4")
    cases = [json.loads(line) for line in (out / "cases.jsonl").read_text().splitlines()]
    rows = {path.name: len(read_ledger(path)) for path in (out / "records").rglob("*.jsonl")}
    assert rows == {"hint_facts.jsonl": 3 * 9, "hint_facts-k=4.jsonl": 3 * 4}
    headline = sum(row["cue_kind"] != "placebo" for row in cases if row["task"] == "hint_facts")
    assert [task["emitters"][0]["coverage"]["explained"] for task in summary(out)["tasks"]] == [headline, headline]


def test_the_declared_base_of_an_adapter_is_added_as_reference() -> None:
    config, _ = resolve_config("hf/org/base+./adapter?dtype=float32")
    assert [(model.name, model.role) for model in config.models] == [
        ("hf/org/base+./adapter?dtype=float32", "target"),
        ("hf/org/base?dtype=float32", "base"),
    ]
    config, _ = resolve_config("hf/org/base+./first+./second")
    assert [model.spec for model in config.models] == ["hf/org/base+./first+./second", "hf/org/base+./first"]


def test_a_name_before_the_spec_is_what_tables_call_the_model() -> None:
    config, _ = resolve_config("mine=scripted/oracle?seed=1", ["scripted/oracle?seed=1", "scripted/oracle?seed=1"])
    assert [(model.name, model.spec) for model in config.models] == [
        ("mine", "scripted/oracle?seed=1"),
        ("scripted/oracle?seed=1", "scripted/oracle?seed=1"),
        ("scripted/oracle?seed=1 #2", "scripted/oracle?seed=1"),
    ]
    with pytest.raises(UsageError, match="two models are named 'a'"):
        resolve_config("a=scripted/oracle", ["a=scripted/liar"])


def test_a_folder_of_another_run_or_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    out = run(tmp_path / "r", "scripted/oracle", limit=2)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(RunDirectoryError, match=r"holds another run \(limit: 2; asked for: 3\)"):
        run(out, "scripted/oracle", limit=3)
    with pytest.raises(RunDirectoryError, match=r"\(models: scripted/oracle; asked for: scripted/liar\)"):
        run(out, "scripted/liar", limit=2)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("")
    with pytest.raises(RunDirectoryError, match="not empty and holds no run"):
        run(other, "scripted/oracle", limit=2)


def test_a_run_that_was_killed_while_it_was_set_up_begins_anew(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", "scripted/oracle", limit=2)
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / ".manifest.json-1x").write_text("{")
    (cut / "cases.jsonl").write_bytes((whole / "cases.jsonl").read_bytes()[:100])
    run(cut, "scripted/oracle", limit=2)
    assert ledgers(cut) == ledgers(whole)
    assert (cut / "cases.jsonl").read_bytes() == (whole / "cases.jsonl").read_bytes()


def test_a_plan_leaves_a_torn_ledger_as_it_is(tmp_path: Path) -> None:
    out = run(tmp_path / "r", "scripted/oracle", limit=2)
    (ledger,) = (out / "records").rglob("*.jsonl")
    ledger.write_bytes(ledger.read_bytes()[:-5])
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    _, counts = count_plan(*resolve_config("scripted/oracle", limit=2, aa_share=0), out)
    assert next(counts).found == 2 * 9 - 1
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_model_that_changed_under_a_run_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    run(tmp_path / "r", f"hf/{folder}", limit=1)
    chat = folder / "chat_template.jinja"
    chat.write_text(chat.read_text() + " ")
    with pytest.raises(RunDirectoryError, match=r"has changed since this run began \(template"):
        run(tmp_path / "r", f"hf/{folder}", limit=1)


def test_a_prompt_longer_than_the_context_names_the_case_and_writes_nothing(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(tiny_llama, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 100}))
    with pytest.raises(PromptError, match=r"hint_facts/\S+ needs \d+ tokens, the context is 100"):
        run(tmp_path / "r", f"hf/{folder}", limit=1)
    assert not (tmp_path / "r").exists()


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="--limit 0: must be 1 or more"):
        resolve_config("scripted/oracle", limit=0)


def test_a_folder_that_another_process_holds_is_refused(tmp_path: Path) -> None:
    from introbench.runs.directory import RunDirectory

    code = (
        "import sys, time; from pathlib import Path; from introbench.runs.directory import RunDirectory\n"
        "with RunDirectory(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "r")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        with (
            pytest.raises(RunDirectoryError, match="another process is running there"),
            RunDirectory(tmp_path / "r").locked(),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_a_sample_is_asked_again_in_other_company_and_agrees(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}?pack_tokens=8192"
    out = run(tmp_path / "r", spec, limit=12, aa_share=0.25)
    (ledger,) = (out / "records").rglob("*.jsonl")
    rows = read_ledger(ledger)
    first = {row["ask"]: row for row in rows if row["replicate"] == 0}
    again = {row["ask"]: row for row in rows if row["replicate"] == 1}
    assert len(again) == 3 * 9

    def company(row: Any, among: dict[str, Any]) -> set[str]:
        return {ask for ask, other in among.items() if other["pack"] == row["pack"]}

    differences = []
    for ask, row in again.items():
        assert row["pack"].startswith("hint_facts#aa")
        assert row["key"] != first[ask]["key"]
        assert company(row, again) != company(first[ask], first)
        differences += [abs(a - b) for a, b in zip(row["logprobs"], first[ask]["logprobs"], strict=True)]
    assert 0 < max(differences) < 1e-4  # rounding, and nothing but rounding
    rerun = emitter(out)["rerun"]
    assert rerun["label_flips"]["value"] == rerun["explanation_flips"]["value"] == 0
    assert rerun["label_flips"]["n"] == 3 * 4 - sum(
        row["cue_kind"] == "placebo" and row["asks"]["cued"] in again
        for row in map(json.loads, (out / "cases.jsonl").read_text().splitlines())
    )


def test_a_resumed_run_keeps_to_the_recorded_size_of_a_pack(tiny_llama: Path, tmp_path: Path) -> None:
    spec = f"hf/{tiny_llama}"
    whole = run(tmp_path / "whole", spec, limit=6)
    cut = tmp_path / "cut"
    run(cut, spec, limit=6)
    manifest = json.loads((cut / "manifest.json").read_text())
    (ledger,) = (cut / "records").rglob("*.jsonl")
    ledger.unlink()
    # As it would have been begun on a machine with room for more.
    manifest["models"][0] = {**manifest["models"][0], "pack_tokens": 4096}
    (cut / "manifest.json").write_text(json.dumps(manifest))
    run(cut, spec, limit=6)
    packs = {row["pack"] for row in read_ledger(ledger)}
    (reference,) = (whole / "records").rglob("*.jsonl")
    assert len(packs) < len({row["pack"] for row in read_ledger(reference)})


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match=r"--aa-share .*: must be a share from 0 to 1"):
        resolve_config("scripted/oracle", aa_share=share)


@pytest.mark.parametrize("spec", ["scripted/oracle", "scripted/liar", "scripted/constant?verdict=changed"])
def test_written_explanations_of_scripts_score_as_their_chosen_ones(spec: str, tmp_path: Path) -> None:
    chosen = emitter(run(tmp_path / "c", spec, limit=20))
    written = emitter(run(tmp_path / "w", spec, limit=20, explanations="free"))
    for name in ("exact_match", "youden_j", "content_accuracy"):
        assert written["self_scores"][name]["value"] == chosen["self_scores"][name]["value"]
    assert written["coverage"] == chosen["coverage"]
    assert written["self_scores"]["auroc"]["status"] == "not estimable"
    assert written["saying"]["median_candidate_mass"] is None


def test_a_model_writes_its_explanations_and_what_cannot_be_read_is_counted(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}", limit=2, explanations="free", aa_share=0.5)
    rows = [row for path in (out / "records").rglob("*.jsonl") for row in read_ledger(path)]
    written = [row for row in rows if row["text"] is not None]
    assert len(written) == (2 + 1) * 4
    assert len(rows) == (2 + 1) * 9
    assert all(row["logprobs"] == [] for row in written)
    found = emitter(out)
    # A random model writes nothing that states a verdict.
    assert found["coverage"]["unparsable"] == found["coverage"]["scored"] > 0
    assert found["self_scores"]["exact_match"]["value"] == 0
    assert json.loads((out / "manifest.json").read_text())["models"][0]["generation"].startswith("padded: ")
    again = run(tmp_path / "again", f"hf/{tiny_llama}", limit=2, explanations="free", aa_share=0.5)
    assert ledgers(out) == ledgers(again)


def test_even_an_item_that_fills_a_pack_is_asked_again_in_other_company(tiny_llama: Path, tmp_path: Path) -> None:
    out = run(tmp_path / "r", f"hf/{tiny_llama}?pack_tokens=16", limit=1, aa_share=1.0)
    (ledger,) = (out / "records").rglob("*.jsonl")
    packs: dict[str, set[str]] = {}
    for row in read_ledger(ledger):
        packs.setdefault(row["pack"], set()).add(row["ask"])
    once = {name: asks for name, asks in packs.items() if "#aa" not in name}
    again = {name: asks for name, asks in packs.items() if "#aa" in name}
    assert (len(once), len(again)) == (1, 2)
    assert set.union(*once.values()) == set.union(*again.values())


def test_answers_that_another_rank_kept_elsewhere_are_missed(tiny_llama: Path, tmp_path: Path) -> None:
    class Alone(Ranks):
        """The first of two ranks, whose other one writes to a disk of its own."""

        def agree(self, decide: Any) -> Any:
            return decide()

    config, variants = resolve_config(f"hf/{tiny_llama}", limit=4, aa_share=0)
    with pytest.raises(RunDirectoryError, match="the answers of other ranks are not here"):
        execute(config, variants, tmp_path / "r", ranks=Alone(0, 2))
    assert not json.loads((tmp_path / "r" / "manifest.json").read_text())["complete"]
