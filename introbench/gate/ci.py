"""A verdict in the forms that systems of continuous integration read: JUnit, a job summary, annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from introbench.gate.verdict import GateResult, GateVerdict
from introbench.gate.words import bounds, headline, level, points, sentence, title
from introbench.texts import inert, shortened

__all__ = ["ANNOTATIONS_A_KIND", "SUMMARY_BYTES", "render_annotations", "render_junit", "render_summary"]

SUMMARY_BYTES = 1 << 20
"""GitHub shows a job summary of up to 1 MiB."""

ANNOTATIONS_A_KIND = 10
"""GitHub shows up to ten errors and ten warnings of a step."""

_LONGEST_ANNOTATION = 4000
_KINDS = {"regression": "error", "incomparable": "error", "inconclusive": "warning"}
_SIGNS = {"ok": "✅", "regression": "❌", "inconclusive": "⚠️", "incomparable": "🚫"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def render_junit(verdict: GateVerdict) -> bytes:
    """A test suite with a case per gate: regressions are failures, incomparable gates are errors.

    "inconclusive" is a failure under --strict, else a skipped test with its sentence.
    """
    kinds = [_junit_kind(result, verdict.strict) for result in verdict.gates]
    nothing = bool(verdict.reasons) and not verdict.gates
    suite = ElementTree.Element(
        "testsuite",
        name="introbench gate",
        tests=str(len(kinds) + nothing),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error") + nothing),
        skipped=str(kinds.count("skipped")),
    )
    for result, kind in zip(verdict.gates, kinds, strict=True):
        case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{inert(result.task)}", name=title(result))
        text = sentence(result)
        if kind:
            ElementTree.SubElement(case, kind, message=text, type=result.verdict).text = text
        else:
            ElementTree.SubElement(case, "system-out").text = text
    if nothing:
        case = ElementTree.SubElement(suite, "testcase", classname="gate", name="comparable")
        ElementTree.SubElement(case, "error", message=inert(verdict.reasons[0]), type="incomparable")
    ElementTree.indent(suite)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _junit_kind(result: GateResult, strict: bool) -> str:
    if result.verdict == "inconclusive":
        return "failure" if strict else "skipped"
    return {"ok": "", "regression": "failure", "incomparable": "error"}[result.verdict]


def render_summary(verdict: GateVerdict) -> str:
    """A page in Markdown, cut at a gate where it would grow past what GitHub shows."""
    parts = [f"## {_SIGNS[verdict.verdict]} introbench gate: {_plain(headline(verdict))}\n\n"]
    parts.append(f"baseline {_code(verdict.baseline)}, candidate {_code(verdict.candidate)}\n\n")
    parts += [f"- {_plain(reason)}\n" for reason in verdict.reasons]
    parts.append("\n| | gate | before | now | change | bounds | p (Holm) | |\n|---|---|---|---|---|---|---|---|\n")
    rows = [_row(result) for result in verdict.gates]
    notes = [f"- {_plain(note)}\n" for note in verdict.notes]
    closing = (
        "\nIn points (hundredths). Bounds are one-sided and simultaneous over all gates; "
        f"any false alarm has a chance of at most {verdict.alpha:.3g}.\n"
    )
    return _cut(["".join(parts), *rows, "\n", *notes], closing)


def _row(result: GateResult) -> str:
    change = "–" if result.change is None else points(result.change)
    p = "–" if result.p_holm is None else f"{result.p_holm:.3f}"
    cells = (
        _SIGNS[result.verdict],
        _plain(title(result)),
        level(result.baseline),
        level(result.candidate),
        change,
        bounds(result),
        p,
        _plain(sentence(result)),
    )
    return f"| {' | '.join(cells)} |\n"


def _cut(parts: list[str], closing: str) -> str:
    """As many parts as fit, and a line that says how many are left out."""
    room = SUMMARY_BYTES - len(closing.encode()) - 100
    kept: list[str] = []
    for place, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            kept.append(f"\n… {len(parts) - place} more lines; --json has them all\n")
            break
        kept.append(part)
    return "".join(kept) + closing


def _plain(text: str) -> str:
    """Text that Markdown leaves alone."""
    return _MARKDOWN.sub(r"\\\1", inert(text))


def _code(text: str) -> str:
    return f"`{inert(text).replace('`', chr(39))}`"


def render_annotations(verdict: GateVerdict) -> str:
    """Workflow commands of GitHub: regressions and incomparable gates as errors, inconclusive ones as warnings."""
    return "".join(f"{line}\n" for line in _annotations(verdict))


def _annotations(verdict: GateVerdict) -> Iterator[str]:
    found: dict[str, list[tuple[str, str]]] = {"error": [], "warning": [], "notice": []}
    found["error"] += [("introbench gate: incomparable", reason) for reason in verdict.reasons]
    for result in verdict.gates:
        if result.verdict == "incomparable" and result.detail in verdict.reasons:
            continue
        if result.verdict in _KINDS:
            kind = "error" if verdict.strict else _KINDS[result.verdict]
            found[kind].append((f"introbench gate: {result.verdict}", f"{title(result)}: {sentence(result)}"))
    found["notice"] += [("introbench gate", note) for note in verdict.notes if note.startswith("threshold changed")]
    for kind, entries in found.items():
        shown = entries if len(entries) <= ANNOTATIONS_A_KIND else entries[: ANNOTATIONS_A_KIND - 1]
        for name, text in shown:
            yield f"::{kind} title={_property(name)}::{_data(text)}"
        if len(shown) < len(entries):
            yield f"::{kind} title=introbench gate::{len(entries) - len(shown)} more of this kind; see the job summary"


def _data(text: str) -> str:
    """A message as a workflow command takes it: its own marks escaped, so that no text becomes a command."""
    short = shortened(inert(text), _LONGEST_ANNOTATION)
    return short.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
