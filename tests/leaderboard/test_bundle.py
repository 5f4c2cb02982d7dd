"""Bundles: what is sent of a run, what is not, and that a sound one passes."""

from __future__ import annotations

import getpass
import json
import platform
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import RULES, UNDECLARED, Forged, bundle_of, run_for_board
from reports import introbench

from introbench.errors import UsageError
from introbench.hashing import content_hash, text_hash
from introbench.metrics.summary import summarise
from introbench.runs.ledger import Ledger, as_row, read_ledger, request_key
from introbench_leaderboard.archive import pack, unpack
from introbench_leaderboard.check import check_bundle
from introbench_leaderboard.entry import Declared
from introbench_leaderboard.prepare import Prepared, prepare
from introbench_leaderboard.send import place


def test_a_bundle_of_a_run_is_taken_and_gives_the_summary_of_the_run(sound: Prepared, scripted_run: Path) -> None:
    verdict = check_bundle(sound.data, RULES)
    assert verdict.reasons == () and verdict.submission
    found = verdict.submission.results.summary.model_dump()
    own = summarise(scripted_run).model_dump()
    found["models"][0].pop("fingerprint"), own["models"][0].pop("fingerprint")
    assert found == own


TASKS = {
    "two tasks": "hint_facts,dilemmas",
    "letters": "hint_facts?behaviour=letter",
    "demonstrations": "hint_facts?k=4",
    "flipped demonstrations": "noisy:hint_facts?rate=0.2",
    "openings with their calibration": "refusal",
    "judged replies": "refusal?behaviour=judged",
    "a task without hints": "jabberwocky",
}


@pytest.mark.parametrize("free", [False, True], ids=["constrained", "free"])
@pytest.mark.parametrize("tasks", TASKS.values(), ids=TASKS)
def test_every_way_of_asking_can_be_sent_and_gives_the_figures_of_the_run(
    tmp_path: Path, tasks: str, free: bool
) -> None:
    run = run_for_board(tmp_path / "run", "scripted/reporter", tasks=tasks, free=free)
    found = bundle_of(run).submission.results.summary
    assert found.tasks == summarise(run).tasks


def test_the_same_run_gives_the_same_bytes(sound: Prepared, scripted_run: Path) -> None:
    assert bundle_of(scripted_run).data == sound.data


def test_an_archive_of_files_gives_these_files() -> None:
    members = {"a": b"", "b/c.jsonl": b"1\n" * 600, "b/d": bytes(range(256))}
    assert unpack(pack(members)) == members


def test_the_board_ranks_on_the_target_and_its_base_alone(tmp_path: Path) -> None:
    alone = bundle_of(run_for_board(tmp_path / "alone", "me=scripted/reporter"))
    beside = bundle_of(run_for_board(tmp_path / "beside", "me=scripted/reporter", "scripted/random", "scripted/liar"))
    assert beside.submission.members.keys() == alone.submission.members.keys()
    assert beside.submission.id == alone.submission.id
    assert "scripted/random, scripted/liar" in beside.notes[0]


def test_times_hosts_paths_and_users_stay_at_home(tiny_bundle: Prepared, tiny_spec: str) -> None:
    everything = b"\n".join(tiny_bundle.submission.members.values()).decode()
    folder = tiny_spec.removeprefix("hf/")
    for private in (folder, str(Path(folder).parent), platform.node(), '"host"', '"time"'):
        assert private not in everything
    if getpass.getuser() != "root":
        assert f"/{getpass.getuser()}/" not in everything
    assert f"hf/./{Path(folder).name}" in everything, "the last part of the path is what remains of it"


SECRETS = {
    "hub token": "hf_abcdefghijklmnopqrstuv",
    "key of a server": "sk-abcdefghijklmnopqrstuvwxyz123456",
    "home": "/home/somebody/models/checkpoint",
    "Windows path": "C:\\Users\\somebody\\models",
    "address with a password": "https://somebody:hunter2@example.org/v1",
    "e-mail address": "somebody@example.org",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_secrets_in_a_manifest_are_not_sent(scripted_run: Path, tmp_path: Path, secret: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(scripted_run, run)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["versions"]["torch"] = manifest["hardware"]["cpu"] = manifest["models"][0]["path_reason"] = secret
    manifest["environment"] = {"HF_TOKEN": secret}
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    sent = b"\n".join(bundle_of(run).submission.members.values()).decode()
    assert json.dumps(secret)[1:-1] not in sent


def test_an_identity_that_names_a_server_is_replaced_by_its_hash_and_rows_follow(
    scripted_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(scripted_run, run)
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    (model,) = manifest["models"]
    url = "https://gpu7.cluster.internal:8000/v1"
    old = model["fingerprint"]
    model["fingerprint_parts"]["url"] = url
    model["fingerprint"] = content_hash(model["fingerprint_parts"])
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    file = run / "records" / model["folder"] / "hint_facts.jsonl"
    rows = [as_row(row) for row in read_ledger(file)]
    file.unlink()
    keyed = [replace(row, key=request_key(row.ask, model["fingerprint"], row.replicate)) for row in rows]
    assert {row.key for row in rows} == {request_key(row.ask, old, row.replicate) for row in rows}
    Ledger(file).append(keyed)
    prepared = bundle_of(run)
    sent = b"\n".join(prepared.submission.members.values()).decode()
    assert "gpu7" not in sent and f"withheld {text_hash(url)}" in sent
    assert any("'url'" in note for note in prepared.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"complete": False}, "is not finished"), ({"seed": "zero"}, "is not that of a finished run")],
    ids=["unfinished", "damaged"],
)
def test_a_run_that_is_not_finished_is_not_sent(
    scripted_run: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(scripted_run, run)
    manifest = json.loads((run / "manifest.json").read_text("utf-8")) | change
    manifest["config"]["seed"] = manifest["seed"]
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(UsageError, match=message):
        bundle_of(run)


def test_a_missing_answer_is_named(scripted_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(scripted_run, run)
    (file,) = (run / "records").glob("*/*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(UsageError, match="is not answered"):
        bundle_of(run)


def test_a_model_without_a_name_has_to_be_given_one(scripted_run: Path) -> None:
    with pytest.raises(UsageError, match="--name ORG/MODEL"):
        prepare(scripted_run, UNDECLARED)


def test_what_the_board_would_reject_is_not_sent(scripted_run: Path) -> None:
    with pytest.raises(UsageError, match=r"takes no runs of scripted models.*\(and 1 more reasons\)"):
        prepare(scripted_run, UNDECLARED, name="acme/model", rules=RULES.model_copy(update={"engines": (), "seed": 1}))


def test_a_declared_number_of_runs_reaches_the_header(scripted_run: Path) -> None:
    declared = Declared(
        trained_on_labels=True,
        runs_made=7,
        relation="maker",
        open_weights=True,
        parameters=135_000_000,
        contact="https://example.org/~lab",
    )
    header = Forged.of(bundle_of(scripted_run, declared=declared).data).header
    assert header["declared"] == declared.model_dump()


def test_a_bundle_lands_in_a_folder_under_its_own_name(sound: Prepared, tmp_path: Path) -> None:
    file = place(tmp_path / "new" / "folder", sound.submission.id, sound.data)
    assert file.read_bytes() == sound.data
    assert file.name == f"acme__model__{sound.submission.id.revision}__{sound.submission.id.run}.tar.gz"


def test_a_dry_run_prints_every_file_and_writes_nothing(scripted_run: Path, tmp_path: Path) -> None:
    shown = introbench("submit", scripted_run, "--to", tmp_path / "inbox", "--name", "acme/model", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert not (tmp_path / "inbox").exists()
    assert bundle_of(scripted_run).submission.members["manifest.json"].decode() in shown.stdout
    for name in ("bundle.json", "cases.jsonl", "records/0-me/hint_facts.jsonl"):
        assert name in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--to DIR|URL is missing"),
        (["--to", "x", "--contact", "javascript:alert(1)"], "--contact 'javascript:alert(1)'"),
        (["--to", "http://example.org", "--name", "acme/model"], "https only"),
        (["--to", "x", "--name", "acme"], "--name ORG/MODEL is missing"),
        (["--to", "x", "--name", "acme/<b>"], "model"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    scripted_run: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = introbench("submit", scripted_run, *arguments)
    assert result.returncode == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
