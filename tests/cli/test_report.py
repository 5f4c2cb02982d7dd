"""`introbench report`, and the page that `run` and `score` leave."""

from __future__ import annotations

from pathlib import Path

import pytest
from reports import introbench, run_of


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("cli") / "first", "scripted/oracle", "scripted/liar?seed=1", limit=4)


def test_run_and_score_leave_a_page_and_name_it_beside_the_result(tmp_path: Path) -> None:
    done = introbench("run", "--model", "scripted/oracle", "--limit", "2", "--out", tmp_path / "r")
    page = tmp_path / "r" / "report.html"
    assert done.returncode == 0, done.stderr
    assert f"{page} shows plots and every case" in done.stderr
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    before = page.read_bytes()
    page.unlink()
    done = introbench("score", tmp_path / "r")
    assert str(page) in done.stderr
    assert page.read_bytes() == before


def test_report_writes_the_same_page_as_score_and_needs_no_summary(stored: Path, tmp_path: Path) -> None:
    introbench("score", stored)
    done = introbench("report", stored, "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'page.html'}: open it in a browser.\n"
    assert (tmp_path / "page.html").read_bytes() == (stored / "report.html").read_bytes()
    (stored / "summary.json").unlink()
    introbench("report", stored)
    assert (tmp_path / "page.html").read_bytes() == (stored / "report.html").read_bytes()
    assert not (stored / "summary.json").exists()


def test_plots_and_tables_go_into_folders(stored: Path, tmp_path: Path) -> None:
    done = introbench("report", stored, "--plots", tmp_path / "a" / "plots", "--tables", tmp_path / "tables")
    assert done.returncode == 0, done.stderr
    svg = sorted(file.stem for file in (tmp_path / "a" / "plots").glob("*.svg"))
    assert f"{len(svg)} plots as SVG" in done.stdout
    assert "coupling" in svg
    assert {file.suffix for file in (tmp_path / "tables").iterdir()} == {".csv", ".md"}
    assert (tmp_path / "tables" / "headline.csv").is_file()


def test_tables_of_several_runs_keep_apart(stored: Path, tmp_path: Path) -> None:
    other = run_of(tmp_path / "a" / "first", "scripted/random", limit=4)
    arguments = ["report", stored, other, "--out", tmp_path / "both.html", "--tables", tmp_path / "tables"]
    assert introbench(*arguments).returncode == 0
    assert sorted(folder.name[:2] for folder in (tmp_path / "tables").iterdir()) == ["0-", "1-"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report"], "Missing argument"),
        (["report", "no/such/run"], "no/such/run"),
        (["report", "RUN", "RUN"], "--out FILE is missing"),
        (["report", "RUN", "--out", "no/such/folder/page.html"], "no/such/folder/page.html"),
        (["report", "RUN", "--plots", "RUN/manifest.json"], "manifest.json"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments: list[str], message: str, stored: Path) -> None:
    done = introbench(*(argument.replace("RUN", str(stored)) for argument in arguments))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_summary_of_another_version_is_named_with_the_way_out(stored: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "r", "scripted/oracle", limit=2)
    (run / "summary.json").write_text('{"schema_version": 0}')
    done = introbench("report", run)
    assert done.returncode == 2
    assert f"run `introbench score {run}` first" in done.stderr
