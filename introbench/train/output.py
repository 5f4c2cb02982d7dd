"""The output folder of a training: what it is, how far it is, and in the end an adapter that its base takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from introbench.errors import RunDirectoryError
from introbench.files import disk_errors, write_whole
from introbench.models.hf.places import TRAINING_RECORD
from introbench.runs.directory import RunDirectory
from introbench.train.config import Hyperparameters

__all__ = ["OutputFolder", "read_rows"]

_FINISHED = ("adapter_model.safetensors", "adapter_config.json", "log.jsonl")
"""What a complete training is of no use without."""


class OutputFolder:
    """Paths and whole-file writes below one output folder.

    Attributes:
        path: the folder, which `hf/BASE+FOLDER` takes when the training is complete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def record(self) -> Path:
        """What the training is."""
        return self.path / TRAINING_RECORD

    @property
    def arm(self) -> Path:
        """The arm with all of its values."""
        return self.path / "arm.yaml"

    @property
    def learnt(self) -> Path:
        """A row per case of the training set."""
        return self.path / "training_set.jsonl"

    @property
    def log(self) -> Path:
        """A line per step."""
        return self.path / "log.jsonl"

    @property
    def trajectory(self) -> Path:
        """A line per evaluation, task and reference."""
        return self.path / "trajectory.jsonl"

    @property
    def relabelled(self) -> Path:
        """A line per time that labels were made anew."""
        return self.path / "relabelled.jsonl"

    @property
    def work(self) -> Path:
        """Checkpoints and what else is needed to go on; removed at the end."""
        return self.path / "checkpoints"

    @property
    def evaluations(self) -> Path:
        """Runs of the evaluated steps, a folder each."""
        return self.path / "evaluation"

    def adapter(self, step: int) -> Path:
        """The adapter as it was behind a step that was evaluated or labelled."""
        return self.path / "steps" / f"step-{step}"

    def check(self, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record to go on from, or None for a new training. Writes nothing.

        Args:
            config: what the training is, or as much of it as is known.

        Raises RunDirectoryError where the folder holds other files or another training, or one that is damaged.
        """
        with disk_errors(self.path):
            names = [entry.name for entry in self.path.iterdir()] if self.path.exists() else []
        # The record is the last file of a beginning: without it, a training was killed while it was set up.
        if not {name for name in names if not name.startswith(".")} - {self.arm.name, self.learnt.name}:
            return None
        if not self.record.is_file():
            raise RunDirectoryError(f"{self.path}: is not empty and holds no training; choose another --out")
        record = self._read_record()
        # A record that lacks a hyperparameter is of a version that had no such choice.
        found = _flat({"hyperparameters": Hyperparameters().as_json()}) | _flat(record["config"])
        for name, value in _flat(config).items():
            if (known := found.get(name)) != value:
                raise RunDirectoryError(
                    f"{self.path}: holds another training ({name}: {known}; asked for: {value}); choose another --out"
                )
        gone = [self.path / name for name in _FINISHED if not (self.path / name).is_file()]
        if record["complete"] and gone:
            raise RunDirectoryError(
                f"{gone[0]}: is missing, though the training is complete; put it back, or remove {self.path} to train "
                "anew"
            )
        return record

    def _read_record(self) -> dict[str, Any]:
        try:
            with disk_errors(self.record):
                record: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
            _flat(record["config"]), bool(record["complete"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunDirectoryError(
                f"{self.record}: is damaged, so that nothing can go on from it; remove {self.path} to train anew, or "
                "choose another --out"
            ) from error
        return record

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises RunDirectoryError where another one holds it."""
        with RunDirectory(self.path).locked():
            yield

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace the record."""
        write_whole(self.record, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())

    def cut_back(self, step: int) -> None:
        """Take out of the logs what lies behind a step, from which the training goes on."""
        for file in (self.log, self.trajectory, self.relabelled):
            if file.is_file():
                kept = [row for row in read_rows(file) if row["step"] <= step]
                write_whole(file, "".join(json.dumps(row) + "\n" for row in kept).encode())

    def add_evaluation(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add the rows of an evaluated step, in place of earlier ones of the same step."""
        _put_rows(self.trajectory, rows)

    def add_relabelling(self, row: Mapping[str, Any]) -> None:
        """Add what is known of labels made anew, in place of an earlier row of the same step."""
        _put_rows(self.relabelled, [row])

    def forget(self) -> None:
        """Remove a training that was set up in vain: what else there is was there before."""
        with disk_errors(self.path):
            shutil.rmtree(self.work, ignore_errors=True)
            for file in (self.record, self.arm, self.learnt):
                file.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what only an unfinished training needs."""
        with disk_errors(self.work):
            shutil.rmtree(self.work, ignore_errors=True)


def _put_rows(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    steps = {row["step"] for row in rows}
    kept = [row for row in read_rows(file) if row["step"] not in steps]
    ordered = sorted([*kept, *rows], key=lambda row: int(row["step"]))
    write_whole(file, "".join(json.dumps(row) + "\n" for row in ordered).encode())


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a log; a last line that was torn is left out."""
    if not file.is_file():
        return []
    with disk_errors(file):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return found
