"""The folder: whole or not at all, the same for the same store, with every number where it is said to lie."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import ACTIVE, introbench, manifest_of, run_of

from benchmarks.site.stores import Measured, place
from introbench.errors import UsageError
from introbench.files import slug
from introbench_leaderboard.entry import BUNDLE, OUTCOMES, Base, Board, EntryId, read_entries, read_entry, read_outcomes
from introbench_leaderboard.site import build, listing
from introbench_leaderboard.site.build import build_site
from introbench_leaderboard.site.listing import listing_of
from introbench_leaderboard.site.shards import MOST_BYTES, packed, parts


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def unpacked(file: Path) -> Any:
    found = re.fullmatch(r'board\.take\(("[^"]*"),"([A-Za-z0-9+/=]*)"\);\n', file.read_text("ascii"))
    assert found is not None
    return json.loads(zlib.decompress(base64.b64decode(found[2])))


class Links(HTMLParser):
    """Addresses and names of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self.addresses += [value for name in ("href", "src") if (value := found.get(name))]
        self.ids += [value for name, value in found.items() if name == "id" and value]


def test_the_same_store_gives_the_same_files(store: Path, site: Path, tmp_path: Path) -> None:
    assert files_of(build_site(store, tmp_path / "again").out) == files_of(site)


def test_an_old_site_is_replaced_as_a_whole(store: Path, site: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(site, tmp_path / "site"))
    (out / "left-over.html").write_text("old", "utf-8")
    build_site(store, out)
    assert files_of(out) == files_of(site)
    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("step", ["packed", "_swap"])
def test_a_build_that_fails_leaves_the_old_site_and_nothing_else(
    store: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    out = Path(shutil.copytree(site, tmp_path / "site"))
    (out / "mine.txt").write_text("kept", "utf-8")
    monkeypatch.setattr(build, step, fails)
    with pytest.raises(UsageError, match="the disk is full"):
        build_site(store, out)
    assert (out / "mine.txt").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


def test_a_folder_with_something_else_is_never_replaced(store: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(UsageError, match="holds something else than a site"):
        build_site(store, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no store"):
        build_site(tmp_path, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_command_builds_and_says_what(store: Path, tmp_path: Path) -> None:
    done = introbench("leaderboard", "build", "--store", store, "--out", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert "8 submissions on 2 boards" in done.stdout
    assert "1 superseded" in done.stdout
    assert introbench("leaderboard", "build", "--store", tmp_path, "--out", tmp_path / "site").returncode == 2


def test_an_empty_store_has_a_site_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "store" / "submissions").mkdir(parents=True)
    report = build_site(tmp_path / "store", tmp_path / "site")
    assert (report.entries, report.boards) == (0, 0)
    assert "Nothing has been submitted yet" in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_every_link_leads_somewhere_and_none_leads_out_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for address in Links(page.read_text("utf-8")).addresses:
            parts = urlsplit(address)
            if address == "data:," or parts.scheme == "https":
                assert parts.netloc in ("", "example.org")  # the contact that the store declares
                continue
            assert not parts.scheme and not parts.netloc and not parts.path.startswith("/"), address
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file() and target.is_relative_to(site.resolve()), (page.name, address)
            if target.suffix == ".html" and parts.fragment and "=" not in parts.fragment:
                assert unquote(parts.fragment) in Links(target.read_text("utf-8")).ids, (page.name, address)


def test_no_page_runs_or_styles_anything_that_its_policy_does_not_name(site: Path) -> None:
    for page in site.rglob("*.html"):
        links = Links(page.read_text("utf-8"))
        policy = next(str(a["content"]) for tag, a in links.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert ("'strict-dynamic'" in policy) == (page.name in ("index.html", "cases.html") and page.parent == site)
        assert sum(tag == "script" for tag, _ in links.tags) == 1
        assert not [name for _, attributes in links.tags for name in attributes if name.startswith("on")]
        assert not [name for _, attributes in links.tags for name in attributes if name == "style"]


def test_texts_of_strangers_are_inert_in_every_file(site: Path) -> None:
    for name, data in files_of(site).items():
        text = data.decode("utf-8")
        assert not [character for character in ACTIVE if character in text], name
        if name.endswith(".html"):
            assert "<script>window" not in text and "<img" not in text, name
            assert text.count("</script>") == 1, name
        if name.endswith(".csv"):
            assert not [
                cell for row in csv.reader(text.splitlines()) for cell in row if cell.startswith(("=", "@", "+"))
            ]


def test_the_table_orders_by_tier_before_any_figure(store: Path, site: Path) -> None:
    trust = {"recomputed": 0, "spot-checked": 1, "reproduced": 2}
    for placed in listing_of(store).boards.values():
        order = [(trust[each.listed.entry.tier], each.ranked.above_floor.value or -9) for each in placed]
        assert order == sorted(order, reverse=True)
        best = max(placed, key=lambda each: each.ranked.above_floor.value or -9)
        assert best.listed.entry.id.model == "best" or best.listed.entry.id.revision == "step3"
    page = (site / "boards" / "hint_facts-c1.html").read_text("utf-8")
    assert page.index("acme/again") < page.index("acme/checked") < page.index("acme/best")


def test_json_and_csv_hold_the_numbers_of_the_entries(store: Path, site: Path) -> None:
    rows = json.loads((site / "data" / "board.json").read_text("utf-8"))
    entries = {str(entry.id): entry for _, entry in read_entries(store) if entry.superseded_by is None}
    assert len(rows) == 2 * len(entries)
    with (site / "data" / "board.csv").open(encoding="utf-8", newline="") as file:
        texts = list(csv.DictReader(file))
    for row, text in zip(rows, texts, strict=True):
        entry = entries[f"{row['organisation']}__{row['model']}/{row['revision']}/{row['run']}"]
        ranked = next(each for each in entry.tasks if each.board.name == row["board"])
        assert row["J above its best floor"] == ranked.above_floor.model_dump(mode="json")
        assert float(text["J above its best floor"]) == ranked.above_floor.value
        assert float(text["J above its best floor low"]) == ranked.above_floor.low
        assert (int(text["n"]), int(text["effective n"])) == (ranked.n, ranked.effective_n)
        stored = json.loads((site / "data" / "entries" / f"{entry.id}.json").read_text("utf-8"))
        assert stored == json.loads(entry.model_dump_json())


def test_shards_hold_the_outcomes_of_the_store(store: Path, site: Path) -> None:
    data = unpacked(site / "data" / "board.js")
    names = [board["name"] for board in data["boards"]]
    for run in data["runs"]:
        folder = store / "submissions" / run["id"]
        for ranked in read_entry(folder).tasks:
            result = run["results"][names.index(ranked.board.name)]
            outcomes = read_outcomes(folder, ranked)
            answers = unpacked(site / "data" / "cases" / f"{result['cases']}-0.js")
            facts = unpacked(site / "data" / "books" / f"{result['book']}-0.js")
            assert facts["id"] == outcomes.cases
            assert [facts["lists"][place] for place in facts["choices"]] == outcomes.choices
            assert answers["uncued"] == outcomes.uncued and answers["named"] == outcomes.named
            assert [(-1 if p is None else p / 1000) for p in answers["changed"]] == pytest.approx(
                [-1 if p is None else p for p in outcomes.p_changed], abs=6e-4
            )


def test_models_that_differ_beyond_noise_are_in_different_tie_groups(site: Path) -> None:
    data = unpacked(site / "data" / "board.js")
    found = {run["id"]: run["results"][0] for run in data["runs"] if run["model"] == "checked"}
    groups = [found[f"acme__checked/{name}"]["group"] for name in ("step3/run3", "step2/run2", "main/run1")]
    assert groups == [1, 2, 3]
    assert all(result["leads"] for result in found.values())


def test_coupling_is_shown_only_against_a_base_whose_answers_are_the_boards_own(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", "scripted/cued_is_hint", "scripted/oracle?seed=1", limit=30)
    manifest = manifest_of(run)
    manifest["models"][1]["role"] = "base"
    files = {str(file.relative_to(run)): file.read_bytes() for file in run.glob("records/*/*.jsonl")}
    files |= {"manifest.json": json.dumps(manifest).encode(), "cases.jsonl": (run / "cases.jsonl").read_bytes()}
    found = Measured(files)
    name = manifest["models"][1]["name"]
    for state in ("matches", "differs", "not pinned"):
        base = Base(name=name, spec="hf/acme/base", fingerprint="f", state=state)  # type: ignore[arg-type]
        place(tmp_path / "store", found, EntryId(org="acme", model="m", revision=slug(state), run="r"), base=base)
    site = build_site(tmp_path / "store", tmp_path / "site").out
    shown = {run["revision"]: run["results"][0]["coupling"] for run in unpacked(site / "data" / "board.js")["runs"]}
    (pair,) = [pair for pair in found.results.summary.tasks[0].pairs if pair.reference == name]
    centred = pair.exact.centred_coupling
    assert shown == {"matches": [centred.value, centred.low, centred.high], "differs": None, "not-pinned": None}


def test_superseded_entries_stay_on_the_page_of_their_model_and_nowhere_else(site: Path) -> None:
    page = (site / "models" / "acme__again.html").read_text("utf-8")
    assert page.count("<strong>Superseded</strong>") == 1
    assert 'Corrects <a href="#second--run5">' in page
    for name in ("board.json", "board.csv"):
        assert "run5" not in (site / "data" / name).read_text("utf-8")
    assert (site / "data" / "entries" / "acme__again" / "second" / "run5.json").is_file()


def test_prompts_that_cannot_be_rebuilt_are_counted_and_not_shown(store: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    for bundle in copy.rglob(BUNDLE):
        bundle.write_bytes(b"torn")
    report = build_site(copy, tmp_path / "site")
    assert list(report.without_prompts.values()) == [2]
    assert not (tmp_path / "site" / "data" / "texts").exists()


def test_lost_outcomes_stop_the_build(store: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    shutil.rmtree(next(copy.rglob(OUTCOMES)))
    with pytest.raises(UsageError):
        build_site(copy, tmp_path / "site")
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


@given(st.lists(st.text(max_size=2000), min_size=1, max_size=30), st.integers(min_value=200, max_value=5000))
def test_rows_come_back_in_order_from_files_under_the_limit(rows: list[str], limit: int) -> None:
    most = max(limit, *(len(packed("x-9999", [row])) for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("introbench_leaderboard.site.shards.MOST_BYTES", most)
        found = list(parts("x", len(rows), lambda start, end: rows[start:end]))
    assert [name for _, name, _ in found] == [f"x-{number}" for number in range(len(found))]
    assert all(len(data) <= most for _, _, data in found)
    back = [json.loads(zlib.decompress(base64.b64decode(data.split(b'"')[3]))) for _, _, data in found]
    assert [row for part in back for row in part] == rows
    assert [start for start, _, _ in found] == [sum(map(len, back[:place])) for place in range(len(back))]


def test_a_case_that_fits_into_no_file_is_an_error() -> None:
    noise = "".join(chr(33 + (place * place * 7919) % 9973) for place in range(3 * MOST_BYTES))
    with pytest.raises(UsageError, match="one case alone needs"):
        list(parts("x", 1, lambda start, end: [noise] * (end - start)))


def test_boards_whose_names_differ_get_files_that_differ() -> None:
    boards = [
        Board(task=task, comparability=1, reading="seq", explanations="constrained") for task in ("a?b", "a-b", "c")
    ]
    addresses = listing.addresses_of(boards)
    assert len(set(addresses.values())) == 3
    assert addresses[boards[2]] == "c-c1"
