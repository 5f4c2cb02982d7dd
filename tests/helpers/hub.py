"""A hub of models on this machine: what HF_ENDPOINT leads to in the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from loopback import Asked, Reply

__all__ = ["Hub", "Repo"]

_INLINE = (".json", ".jinja", ".txt")
"""What a hub serves itself; larger files lie elsewhere, and it sends there."""


@dataclass(frozen=True)
class Repo:
    """One repository.

    Attributes:
        folders: folder of files by revision name; every folder is a commit.
        gated: whether access is refused.
        slow: seconds that every file takes.
    """

    folders: Mapping[str, Path]
    gated: bool = False
    slow: float = 0.0

    def commit(self, revision: str) -> str | None:
        """The commit that a name or a commit stands for."""
        commits = {name: hashlib.sha1(str(folder).encode()).hexdigest() for name, folder in self.folders.items()}
        return commits.get(revision) or (revision if revision in commits.values() else None)

    def folder(self, commit: str) -> Path:
        """The files of a commit."""
        return next(folder for name, folder in self.folders.items() if self.commit(name) == commit)


@dataclass
class Hub:
    """Answers for repositories by name, models and data sets alike."""

    repos: Mapping[str, Repo]
    moved: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        parts = [unquote(part) for part in urlsplit(asked.path).path.split("/") if part]
        if parts[:1] == ["elsewhere"]:
            self.moved.append("/".join(parts))
            repo = self.repos["/".join(parts[1:3])]
            return Reply((repo.folder(parts[3]) / "/".join(parts[4:])).read_bytes(), delay=repo.slow)
        api = parts[:1] == ["api"]
        rest = parts[2:] if api else parts[1:] if parts[:1] == ["datasets"] else parts
        name = "/".join(rest[:2])
        if name not in self.repos:
            return _refused(401, "RepoNotFound")
        repo = self.repos[name]
        if repo.gated:
            return _refused(403 if asked.headers.get("authorization") else 401, "GatedRepo")
        if api:
            return self._api(repo, name, rest[2:])
        return self._resolve(repo, name, rest[2:], asked.headers["host"].replace("127.0.0.1", "localhost"))

    def _api(self, repo: Repo, name: str, rest: list[str]) -> Reply:
        kind, revision = (rest[0], rest[1]) if rest else ("revision", "main")
        commit = repo.commit(revision)
        if commit is None:
            return _refused(404, "RevisionNotFound")
        files = sorted(path for path in repo.folder(commit).rglob("*") if path.is_file())
        names = [path.relative_to(repo.folder(commit)).as_posix() for path in files]
        if kind == "tree":
            entries = [
                {"type": "file", "path": file, "size": path.stat().st_size, "oid": _sha1(path)}
                for file, path in zip(names, files, strict=True)
            ]
            return Reply(entries if len(rest) < 3 else [e for e in entries if e["path"].startswith("/".join(rest[2:]))])
        return Reply(
            {
                "id": name,
                "modelId": name,
                "sha": commit,
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [{"rfilename": file} for file in names],
            }
        )

    def _resolve(self, repo: Repo, name: str, rest: list[str], host: str) -> Reply:
        commit = repo.commit(rest[1]) if rest[:1] == ["resolve"] else None
        if commit is None:
            return _refused(404, "RevisionNotFound")
        file = "/".join(rest[2:])
        path = repo.folder(commit) / file
        headers = {"X-Repo-Commit": commit}
        if not path.is_file():
            return _refused(404, "EntryNotFound", headers)
        headers["ETag"] = f'"{_sha1(path)}"'
        if path.suffix in _INLINE:
            return Reply(path.read_bytes(), headers=headers, delay=repo.slow)
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(path.stat().st_size)}
        # Under another name, as large files lie on other machines: to the same one it would be followed at once.
        return Reply(status=302, headers={**headers, "Location": f"http://{host}/elsewhere/{name}/{commit}/{file}"})


def _refused(status: int, code: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply({"error": code}, status=status, headers={"X-Error-Code": code, **(headers or {})})


def _sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
