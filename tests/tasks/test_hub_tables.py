"""What `datasets` reads for us: parquet, folders as the hub lays them out, and a hub on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from introbench.errors import TaskError
from introbench.tasks.tables import read_table

datasets = pytest.importorskip("datasets")

CARD = """---
configs:
- config_name: plain
  data_files:
  - {split: test, path: plain/test.csv}
  - {split: train, path: plain/train.csv}
- config_name: other
  data_files:
  - {split: validation, path: other.jsonl}
---
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set as a repository of the hub holds it, and a cache of its own."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "set"
    (root / "plain").mkdir(parents=True)
    (root / "README.md").write_text(CARD)
    (root / "plain" / "test.csv").write_text("question,answer\nA?,1\nB?,2\n")
    (root / "plain" / "train.csv").write_text("question,answer\nC?,3\n")
    (root / "other.jsonl").write_text('{"question": "D?", "choices": ["x", "y"]}\n')
    return root


def test_a_folder_is_read_by_configuration_and_split(folder: Path) -> None:
    table = read_table(f"{folder}:plain")
    assert [row.values["question"] for row in table.rows] == ["A?", "B?"]
    assert table.note == "configuration plain, split test"
    assert table.rows[1].where == f"{folder}:plain row 1"
    assert [row.values["question"] for row in read_table(f"{folder}:plain/train").rows] == ["C?"]
    (only,) = read_table(f"{folder}:other").rows
    assert only.values == {"question": "D?", "choices": ["x", "y"]}


def test_a_split_or_configuration_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(TaskError, match="has no split 'dev'; name one behind a slash: test, train"):
        read_table(f"{folder}:plain/dev")
    with pytest.raises(TaskError, match="other"):
        read_table(f"{folder}:none")


def test_class_numbers_of_parquet_become_the_names_that_the_set_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    features = datasets.Features(
        {
            "question": datasets.Value("string"),
            "choices": datasets.List(datasets.Value("string")),
            "answer": datasets.ClassLabel(names=["A", "B"]),
        }
    )
    rows = {"question": ["Q?"], "choices": [["x", "y"]], "answer": [1]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(path)
    (row,) = read_table(str(path)).rows
    assert row.values == {"question": "Q?", "choices": ["x", "y"], "answer": "B"}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a refusal takes: one gated set, and nothing else."""

    def do_GET(self) -> None:
        gated = "/gated/" in self.path
        self.send_response(401 if gated else 404)
        self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("name", "message"),
    [("some/gated", "is gated: ask for access at"), ("some/missing", "no such data set or revision on the hub")],
)
def test_a_gated_or_absent_set_of_the_hub_is_one_line_with_the_way_out(
    name: str, message: str, hub: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "introbench", "show", "hint_mcq", "--data", f"{name}:all/test"],
        env={
            **os.environ,
            "HF_ENDPOINT": hub,
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line
    assert "hf auth login" in line
