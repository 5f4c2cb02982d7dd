"""Nothing in the repository depends on one machine, and nothing in it is left for later."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

# A path is absolute where nothing that could be a folder's name, or a variable that holds one, stands before it.
ABSOLUTE = r"(?<![\w.~})>-])"
FORBIDDEN = {
    "path of one machine": re.compile(ABSOLUTE + r"/(?:work|root|opt|tmp/w)(?:/|\b)"),
    "left for later": re.compile(r"\b(?:TODO|FIXME)\b"),
}


FOLDERS = {
    ".ci", ".github", "benchmarks", "docs", "examples", "introbench", "leaderboard", "scripts", "src", "studies",
    "tasks", "tests",
}  # fmt: skip


def listed(repository: Path) -> list[str]:
    """Paths of all files that git tracks or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    result = subprocess.run(listing, cwd=repository, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in result.stdout.split("\0") if name]


def test_no_folder_stands_at_the_top_that_nobody_put_there(repository: Path) -> None:
    """A run directory or a store that was tried out in the checkout is soon committed with the rest."""
    assert {name.partition("/")[0] for name in listed(repository) if "/" in name} <= FOLDERS


def texts(repository: Path) -> Iterator[tuple[Path, str]]:
    """Every text file that git tracks or would add, this one and links aside."""
    for name in listed(repository):
        path = repository / name
        if path.is_symlink() or not path.is_file() or path == Path(__file__).resolve():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(repository), content.decode("utf-8")


def test_no_file_holds_a_forbidden_text(repository: Path) -> None:
    found = [
        f"{path}:{number}: {reason}: {line.strip()[:100]}"
        for path, text in texts(repository)
        for number, line in enumerate(text.splitlines(), start=1)
        for reason, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "forbidden"),
    [
        ('open("/work/x")', True),
        ("file:///opt/wheels", True),
        ("cd /root", True),
        (".github/workflows/check.yaml", False),
        ("/workers/1", False),
        ("https://example.org/work", False),
        ("docs/opt/", False),
    ],
)
def test_the_pattern_tells_absolute_paths_from_others(line: str, forbidden: bool) -> None:
    assert bool(FORBIDDEN["path of one machine"].search(line)) is forbidden


def test_what_is_cited_is_this_version(repository: Path) -> None:
    cited = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {name: cited[name] for name in ("title", "version", "license", "keywords")} == {
        "title": project["name"],
        **{name: project[name] for name in ("version", "license", "keywords")},
    }
