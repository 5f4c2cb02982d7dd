"""Attacks on what bundle.json and manifest.json say, names above all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from bundles import Forged

__all__ = ["TEXTS"]

Attack = Callable[[Forged], None]
"""Changes a sound bundle that was taken apart; afterwards it is put together and sealed again."""

_DEEP = b'{"schema":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"


def _header(**changes: Any) -> Attack:
    return lambda forged: forged.header.update(changes)


def _declared(**changes: Any) -> Attack:
    return lambda forged: forged.header["declared"].update(changes)


def _raw(name: str, change: Callable[[bytes], bytes]) -> Attack:
    def attack(forged: Forged) -> None:
        forged.raw[name] = change(forged.members()[name])

    return attack


def _header_text(old: bytes, new: bytes) -> Attack:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return _raw("bundle.json", change)


def _manifest(path: str, wanted: Any) -> Attack:
    """Set one place of the manifest, "models.0.spec" as messages write it."""

    def attack(forged: Forged) -> None:
        value = copy.deepcopy(wanted)
        *folders, last = path.split(".")
        found: Any = forged.manifest
        for part in folders:
            found = found[int(part) if part.isdigit() else part]
        if isinstance(found, list):
            found[int(last)] = value
        else:
            found[last] = value

    return attack


def _both(path: str, value: Any) -> Attack:
    """Set a field of the target in configuration and models alike."""

    def attack(forged: Forged) -> None:
        _manifest(f"config.models.0.{path}", value)(forged)
        _manifest(f"models.0.{path}", value)(forged)

    return attack


def _all(*attacks: Attack) -> Attack:
    def attack(forged: Forged) -> None:
        for each in attacks:
            each(forged)

    return attack


def _unsealed(attack: Attack) -> Attack:
    def changed(forged: Forged) -> None:
        forged.sealed = False
        attack(forged)

    return changed


def _task(spec: str) -> Attack:
    return _all(_manifest("config.tasks", [spec]), _manifest("tasks.0.name", spec))


def _without(*names: str) -> Attack:
    return lambda forged: forged.left_out.update(names)


def _two_targets(forged: Forged) -> None:
    for models in (forged.manifest["config"]["models"], forged.manifest["models"]):
        models.append({**models[0], "name": "twin"})


_HTML = "<img src=x onerror=alert(1)>"
_PARTS = {"engine": "hf transformers 5 torch 2 cpu", "weights": "acme/model@" + "0" * 40}
_HUB = _all(_both("spec", "hf/acme/model"), _manifest("models.0.fingerprint_parts", _PARTS))

TEXTS: Mapping[str, Mapping[str, Attack]] = {
    "header": {
        "another layout": _header(schema=2),
        "a layout that is no number": _header(schema="1"),
        "an unknown field": _header(score=1.0),
        "a field too few": lambda forged: forged.header.pop("declared"),
        "a list in place of an object": _raw("bundle.json", lambda data: b"[]\n"),
        "truth in place of a number": _declared(runs_made=True),
        "runs below one": _declared(runs_made=0),
        "a tier of its own": _header(tier="reproduced"),
        "script in the contact": _declared(contact="javascript:alert(1)"),
        "HTML in the contact": _declared(contact=f"https://example.org/{_HTML}"),
        "a relation that is none": _declared(relation="best friend"),
        "no bundle.json": _without("bundle.json"),
        "nesting of 100,000 levels": _raw("bundle.json", lambda data: _DEEP),
        "one name twice": _header_text(b'"model":', b'"model":"other","model":'),
        "NaN": _header_text(b'"parameters":null', b'"parameters":NaN'),
        "Infinity": _header_text(b'"parameters":null', b'"parameters":-Infinity'),
        "a number beyond bounds": _header_text(b'"parameters":null', b'"parameters":1e999'),
        "a number of a million digits": _header_text(b'"parameters":null', b'"parameters":' + b"9" * 1_000_000),
        "bytes that are no UTF-8": _header_text(b'"acme"', b'"ac\xffme"'),
        "UTF-16": _raw("bundle.json", lambda data: data.decode().encode("utf-16")),
        "half of a surrogate pair": _header_text(b'"acme"', b'"\\ud800"'),
        "spaces of its own": _header_text(b'{"declared"', b'{ "declared"'),
        "a second value": _raw("bundle.json", lambda data: data + b"{}\n"),
        "no JSON": _raw("bundle.json", lambda data: b"schema: 1\n"),
        "megabytes": _raw("bundle.json", lambda data: b'{"introbench":"' + b"x" * (5 << 20) + b'"}\n'),
    },
    "names": {
        "a path for an organisation": _header(org="../../etc"),
        "a slash in the model": _header(model="a/b"),
        "a dot alone": _header(revision="."),
        "two dots inside": _header(revision="a..b"),
        "two underscores inside": _header(org="acme__other"),
        "nothing": _header(org=""),
        "300 letters": _header(model="x" * 300),
        "letters of another script": _header(org="\u0430cme"),
        "fullwidth letters": _header(org="\uff41cme"),
        "letters without width": _header(model="mod\u200bel"),
        "a line end": _header(model="model\n"),
        "HTML": _header(model=_HTML),
        "a NUL": _header(model="mo\0del"),
        "HTML in the table's name": _both("name", _HTML),
        "escape sequence in the table's name": _both("name", "\x1b[2Jme"),
        "reversed writing in the table's name": _both("name", "me\u202eexe.gpj"),
        "HTML in a version": _manifest("versions.torch", _HTML),
        "HTML as the name of a field": _manifest("versions", {_HTML: "1"}),
        "a path in the hardware": _manifest("hardware.cpu", "/home/somebody/cpu"),
        "a token in a version": _manifest("versions.torch", "hf_abcdefghijklmnopqrstuv"),
        "another's model": _all(_HUB, _header(org="other")),
        "a correction of a path": _header(supersedes="x" * 1000),
    },
    "manifest": {
        "a run that is not finished": _manifest("complete", False),
        "no manifest": _without("manifest.json"),
        "a field of its own": _manifest("result", 1.0),
        "another seed": _all(_manifest("seed", 1), _manifest("config.seed", 1)),
        "two seeds": _manifest("seed", 1),
        "the training split": _manifest("config.split", "train"),
        "fewer items": _manifest("config.limit", 2),
        "more items than there are": _manifest("config.limit", 10**12),
        "another fingerprint": _unsealed(_manifest("models.0.fingerprint", "0" * 64)),
        "another identity under the same fingerprint": _unsealed(_manifest("models.0.fingerprint_parts.seed", "1")),
        "an identity of a thousand parts": _manifest(
            "models.0.fingerprint_parts", {f"part {number}": "x" for number in range(1000)}
        ),
        "an engine that the spec does not name": _manifest("models.0.fingerprint_parts.engine", "hf transformers"),
        "a spec that the identity does not fit": _both("spec", "hf/acme/model"),
        "weights of another hub id": _all(_HUB, _manifest("models.0.fingerprint_parts.weights", "o/m@" + "0" * 40)),
        "weights without a commit": _all(_HUB, _manifest("models.0.fingerprint_parts.weights", "acme/model@main")),
        "an adapter that the spec hides": _all(
            _HUB, _manifest("models.0.fingerprint_parts.adapter", "o/a@" + "0" * 40)
        ),
        "a second adapter that the spec hides": _all(
            _both("spec", "hf/acme/model+o/a"),
            _manifest("models.0.fingerprint_parts", {**_PARTS, "adapter": "+".join(("o/a@" + "0" * 40,) * 2)}),
        ),
        "an adapter that the identity lacks": _all(
            _both("spec", "hf/acme/model+o/a+o/b"),
            _manifest("models.0.fingerprint_parts", {**_PARTS, "adapter": "o/a@" + "0" * 40}),
        ),
        "an engine that the board does not take": _all(
            _both("spec", "other/model"), _manifest("models.0.fingerprint_parts.engine", "other")
        ),
        "options out of order": _both("spec", "scripted/reporter?seed=1&accuracy=0.5"),
        "a tie margin that hides everything": _manifest("models.0.tie_margin", 50.0),
        "a negative tie margin": _manifest("models.0.tie_margin", -1.0),
        "another task version": _manifest("tasks.0.version", 2),
        "another comparability number": _manifest("tasks.0.comparability", 2),
        "another item set": _manifest("tasks.0.items_sha256", "0" * 64),
        "another wording of the explanation": _manifest("tasks.0.wording.changed", "Change: {choice}!"),
        "items left out": _manifest("tasks.0.skipped", {"too hard": 3}),
        "another hash of all cases": _manifest("tasks.0.cases_hash", "0" * 64),
        "a task without its description": _manifest("tasks", []),
        "HTML in a task's note": _manifest("tasks.0.notes", [_HTML]),
        "a task that nobody has": _task("flattery"),
        "a task over a file of the board's machine": _task("hint_mcq?data=/etc/passwd"),
        "labels of the board's machine": _task("noisy:hint_facts?k=4&rate=0.2&labels=%2Fetc%2Fpasswd&draw=0"),
        "a task in another spelling": _task("hint_facts?behaviour=text"),
        "a task twice": _manifest("config.tasks", ["hint_facts", "hint_facts"]),
        "hundreds of tasks": _manifest("config.tasks", [f"hint_facts?k={number}" for number in range(500)]),
        "two targets": _two_targets,
        "a target that is called base": _both("role", "base"),
        "models that the configuration does not name": _manifest("models.0.name", "other"),
        "a folder that leads out": _manifest("models.0.folder", "../../escape"),
    },
}
