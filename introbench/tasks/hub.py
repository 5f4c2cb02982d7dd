"""Tables that `datasets` reads: parquet files, folders, and data sets of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from introbench.errors import TaskError
from introbench.tasks.rows import Row, Table

__all__ = ["read_dataset", "read_parquet"]

_ID = re.compile(
    r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?::(?P<config>[\w.+-]+))?(?:/(?P<split>[\w.]+))?"
)
_WITHIN_FOLDER = re.compile(r"(?P<name>[^:]+)(?::(?P<config>[\w.+-]+))?(?:/(?P<split>[\w.]+))?")
_USUAL_SPLIT = "test"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_dataset(source: str) -> Table:
    """A split of a folder (FOLDER, FOLDER:CONFIG/SPLIT) or of a data set of the hub (ORG/NAME[@REVISION]…).

    Raises TaskError that names the way out where it is absent, gated, out of reach, or has no such
    configuration or split.
    """
    name, revision, config, asked = _parts(source)
    with _reading(source, name) as datasets:
        builder = datasets.load_dataset_builder(name, config, revision=revision)
        if revision and _COMMIT.fullmatch(revision) and builder.hash != revision:
            # What `datasets` falls back to where the hub is out of reach.
            raise TaskError(f"{source}: only revision {builder.hash} lies in the cache; fetch this one with a network")
        split = _split(source, list(map(str, builder.config.data_files or builder.info.splits or {})), asked)
        rows = datasets.load_dataset(name, config, split=split, revision=revision)
    found = "" if Path(name).expanduser().is_dir() else f", revision {builder.hash}"
    columns = tuple(rows.column_names)
    records = _named_labels(rows.to_list(), rows.features)
    located = tuple(Row(f"{source} row {number}", record) for number, record in enumerate(records))
    return Table(source, columns, located, (), f"configuration {builder.config.name}, split {split}{found}")


def read_parquet(path: Path) -> Table:
    """A parquet file. Raises TaskError where it cannot be read."""
    with _reading(str(path), str(path)) as datasets:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path)
        records = _named_labels(table.to_pylist(), datasets.Features.from_arrow_schema(table.schema))
    located = tuple(Row(f"{path} row {number}", record) for number, record in enumerate(records))
    return Table(str(path), tuple(table.column_names), located, (), "parquet")


def _parts(source: str) -> tuple[str, str | None, str | None, str | None]:
    """Name or folder, revision, configuration and split."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder), None, None, None
    within = _WITHIN_FOLDER.fullmatch(source)
    if within and (folder := Path(within["name"]).expanduser()).is_dir():
        return str(folder), None, within["config"], within["split"]
    hub = _ID.fullmatch(source)
    if hub is None:
        form = "ORG/NAME[@REVISION][:CONFIG][/SPLIT]"
        raise TaskError(f"{source}: neither a file, nor a folder, nor an id of a data set ({form})")
    return hub["name"], hub["revision"], hub["config"], hub["split"]


def _split(source: str, known: Sequence[str], asked: str | None) -> str:
    chosen = asked or (_USUAL_SPLIT if _USUAL_SPLIT in known else known[0] if len(known) == 1 else None)
    if chosen is None or chosen not in known:
        wrong = f"has no split {asked!r}" if asked else "has several splits"
        raise TaskError(f"{source}: {wrong}; name one behind a slash: {', '.join(known)}")
    return chosen


def _named_labels(records: list[dict[str, Any]], features: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records in which class numbers have become the names that the data set gives them."""
    named = {column: feature.names for column, feature in features.items() if hasattr(feature, "int2str")}
    for record in records:
        for column, names in named.items():
            if record[column] is not None and 0 <= record[column] < len(names):
                record[column] = names[record[column]]
    return records


@contextmanager
def _reading(source: str, name: str) -> Iterator[Any]:
    """The library, quiet; its errors become one line with the way out."""
    try:
        import datasets
    except ImportError as error:
        raise TaskError(f"{source}: reading it takes `pip install 'introbench[run]'` ({error})") from error
    shown, told = not datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        yield datasets
    except datasets.exceptions.DatasetNotFoundError as error:
        if "gated" in str(error):
            page = f"https://huggingface.co/datasets/{name}"
            raise TaskError(f"{source}: is gated: ask for access at {page}, then `hf auth login`") from error
        raise TaskError(
            f"{source}: no such file, and no such data set or revision on the hub (a private one takes `hf auth login`)"
        ) from error
    except ConnectionError as error:
        raise TaskError(
            f"{source}: no such file or folder, and the hub cannot be reached; fetch it where there is a network, "
            "or give a local copy"
        ) from error
    except (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError) as error:
        raise TaskError(f"{source}: `datasets` cannot read it: {_first_line(error)}") from error
    finally:
        datasets.logging.set_verbosity(told)
        if shown:
            datasets.enable_progress_bars()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
