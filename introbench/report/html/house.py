"""What every page of this house is built with: how texts are made safe, what a page may load, and how it looks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from introbench.report.svg import plot_css
from introbench.report.tables import Row, shown
from introbench.texts import inert

__all__ = ["environment", "policy", "script_of", "style_of"]

_HERE = Path(__file__).parent


def environment(*folders: Path) -> Environment:
    """Templates of these folders and of this one. Texts in them are made inert and escaped, unless we made them."""
    found = Environment(
        loader=FileSystemLoader([*folders, _HERE]), autoescape=True, undefined=StrictUndefined, finalize=_finalised
    )
    found.filters["shown"] = shown
    found.filters["groups"] = _groups
    return found


def style_of(*files: Path) -> str:
    """The rules of every page and plot, then those of these files."""
    return _text(_HERE / "page.css") + plot_css() + "".join(_text(file) for file in files)


def script_of(*files: Path) -> str:
    """What every page shares, then these files, as one script."""
    return _text(_HERE / "common.js") + "".join(_text(file) for file in files)


def policy(style: str, script: str, *, loads: bool = False) -> str:
    """Nothing may be loaded, sent or run, but this very style and this very script.

    Args:
        loads: whether that script may load further scripts itself. Files opened from disk are no origin that a policy
            could name, so this is said of the script and not of the place.
    """
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    further = " 'strict-dynamic'" if loads else ""
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'{further}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _finalised(value: Any) -> Any:
    """Everything that a template writes, besides what we made ourselves, is inert; then it is escaped."""
    return inert(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


def _groups(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    return [(group, list(members)) for group, members in groupby(rows, lambda row: row.group)]


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
