"""How the outcome of a check is told: to people, to programs, and to the log of GitHub's runners."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from introbench_leaderboard.check import Submission
from introbench_leaderboard.reasons import Reason
from introbench_leaderboard.rerun import Rerun

__all__ = ["told"]


def told(
    bundle: Path,
    submission: Submission | None,
    reasons: Sequence[Reason],
    rerun: Rerun | None,
    how: Literal["text", "json", "github"],
) -> str:
    """The outcome, with a line end.

    Args:
        submission: the bundle, where its texts are in order.
        reasons: why it is not taken; none where it is.
        rerun: what asking the model again gave, where that was done.
    """
    if how == "json":
        return _json(submission, reasons, rerun)
    lines = [_line(bundle, reason, how) for reason in reasons]
    if submission is not None and not reasons:
        lines.append(f"{_notice(how)}{submission.id}: in order{f'; {rerun}' if rerun else ''}")
        for ranked in submission.results.ranked:
            value, low, high = ranked.above_floor.value, ranked.above_floor.low, ranked.above_floor.high
            shown = "not estimable" if value is None else f"{value:+.3f}"
            interval = "" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]"
            lines.append(f"{_notice(how)}{ranked.board.name}: J above the best floor {shown}{interval}, n {ranked.n}")
    else:
        count = f"{len(reasons)} reason{'' if len(reasons) == 1 else 's'}"
        lines.append(f"{_notice(how)}rejected for {count}{f'; {rerun}' if rerun else ''}")
    return "\n".join(lines) + "\n"


def _line(bundle: Path, reason: Reason, how: str) -> str:
    return f"::error file={_escaped(str(bundle))}::{_escaped(str(reason))}" if how == "github" else str(reason)


def _notice(how: str) -> str:
    return "::notice::" if how == "github" else ""


def _escaped(text: str) -> str:
    """A text that cannot end GitHub's command, nor begin another."""
    for mark, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(mark, code)
    return text


def _json(submission: Submission | None, reasons: Sequence[Reason], rerun: Rerun | None) -> str:
    found = {
        "accepted": submission is not None and not reasons,
        "id": str(submission.id) if submission else None,
        "reasons": [{"code": reason.code, "where": reason.where, "text": reason.text} for reason in reasons],
        "rerun": None
        if rerun is None
        else {"tier": rerun.tier, "cases": rerun.cases, "of": rerun.of, "rows": rerun.rows, "largest": rerun.largest},
        "boards": []
        if submission is None
        else [
            {"board": ranked.board.name, "above_floor": ranked.above_floor.model_dump(mode="json"), "n": ranked.n}
            for ranked in submission.results.ranked
        ],
    }
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"
