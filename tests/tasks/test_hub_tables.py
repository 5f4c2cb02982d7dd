"""What `datasets` reads for us: parquet, folders as the hub lays them out, and a hub on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

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
  - {split: validation, path: other.csv}
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
    (root / "other.csv").write_text("question,answer\nD?,4\n")
    return root


def test_a_folder_is_read_by_configuration_and_split(folder: Path) -> None:
    table = read_table(f"{folder}:plain")
    assert [row.values["question"] for row in table.rows] == ["A?", "B?"]
    assert table.note == "configuration plain, split test"
    assert table.rows[1].where == f"{folder}:plain row 1"
    assert [row.values["question"] for row in read_table(f"{folder}:plain/train").rows] == ["C?"]
    (only,) = read_table(f"{folder}:other").rows
    assert only.values == {"question": "D?", "answer": 4}


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


COMMIT = "c0ffee" * 6 + "c0ff"


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as loading takes: one set with one commit, a gated one, and nothing else."""

    files: Mapping[str, bytes]

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        if path.startswith("/api/datasets/some/open/tree/"):
            within = path.removeprefix(f"/api/datasets/some/open/tree/{COMMIT}").strip("/")
            self.json([self.entry(name) for name in self.files if name.startswith(within)])
        elif path.startswith("/api/datasets/some/open"):
            self.json({"id": "some/open", "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.files]})
        elif "some/gated" in path:
            self.refuse(401, "GatedRepo")
        elif not path.startswith("/datasets/some/open/resolve/"):
            self.refuse(404, "RepoNotFound")
        elif (name := path.split("/", 6)[6]) in self.files:
            self.answer(self.files[name], "application/octet-stream")
        else:
            self.refuse(404, "EntryNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.json([self.entry(name) for name in asked.get("paths", []) if name in self.files])

    def entry(self, name: str) -> dict[str, Any]:
        return {"type": "file", "path": name, "size": len(self.files[name]), "oid": etag(self.files[name])}

    def json(self, value: Any) -> None:
        self.answer(json.dumps(value).encode(), "application/json")

    def answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        for header, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("ETag", f'"{etag(content)}"'),
            ("X-Repo-Commit", COMMIT),
        ):
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    questions = "question,A,B,answer\n" + "".join(f"Q{n}?,x,y,{'AB'[n % 2]}\n" for n in range(4))
    Hub.files = {
        "README.md": CARD.encode(),
        "plain/test.csv": questions.encode(),
        "plain/train.csv": questions.encode(),
        "other.csv": b"a\n1\n",
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def show(source: str, hub: str, home: Path, *, offline: bool = False) -> subprocess.CompletedProcess[str]:
    flag = "1" if offline else "0"
    return subprocess.run(
        [sys.executable, "-m", "introbench", "show", "hint_mcq", "--data", source],
        env={
            **os.environ,
            "HF_ENDPOINT": hub,
            "HF_HUB_OFFLINE": flag,
            "HF_DATASETS_OFFLINE": flag,
            "HF_HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_a_set_of_the_hub_is_asked_at_its_revision_and_again_without_a_network(hub: str, tmp_path: Path) -> None:
    for offline in (False, True):
        done = show(f"some/open@{COMMIT}:plain/test", hub, tmp_path, offline=offline)
        assert done.returncode == 0, done.stderr
        assert f"hint_mcq?data=some/open@{COMMIT}:plain/test/question-" in done.stdout
    other = show(f"some/open@{'b' * 40}:plain/test", hub, tmp_path, offline=True)
    assert other.returncode == 2
    assert f"only revision {COMMIT} lies in the cache" in other.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [("some/gated", "is gated: ask for access at"), ("some/missing", "no such data set or revision on the hub")],
)
def test_a_gated_or_absent_set_of_the_hub_is_one_line_with_the_way_out(
    name: str, message: str, hub: str, tmp_path: Path
) -> None:
    done = show(f"{name}:all/test", hub, tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line
    assert "hf auth login" in line
