"""What trivial explainers score. None of them knows the emitter's uncued answer; a headline has to beat the best.

Every floor may know the emitter's own *cued* answer, which stands in front of it while it explains, and the base rates
of the very cases that it is scored on, which makes them a little stronger than they could be in earnest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from introbench.metrics.arrays import Bools, Floats, Ints
from introbench.metrics.observations import ABSENT, CHANGED, UNCHANGED, Answers, CaseTable, Explanations, Labels
from introbench.metrics.roles import FIRST_OTHER, HINT, KEY, OWN_CUED, Roles, role_name, roles_of
from introbench.metrics.scores import Graded, grade

__all__ = ["Floor", "fixed_floors", "floors_of"]

VERDICT_NAMES = {UNCHANGED: "unchanged", CHANGED: "changed"}


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """A trivial explainer and how it did.

    Attributes:
        name: what it does, in words.
        graded: its explanations beside the labels; expectations for a random one.
    """

    name: str
    graded: Graded


def floors_of(cases: CaseTable, emitter: Answers, labels: Labels) -> list[Floor]:
    """Every floor of an emitter against a teacher's labels, over cases on which both behaved (at least one)."""
    fixed = [
        Floor(name, grade(explanations, labels, cases.clusters))
        for name, explanations in fixed_floors(cases, emitter.cued, labels).items()
    ]
    return [*fixed, _base_rate_random(cases, roles_of(cases, emitter.cued), labels)]


def fixed_floors(cases: CaseTable, own_cued: Ints, labels: Labels) -> dict[str, Explanations]:
    """The floors that are not random, by name."""
    roles = roles_of(cases, own_cued)
    constants = dict(_constants(cases, roles))
    changed = float(np.mean(labels.changed))
    majority = [name for name in constants if name.startswith(f"always {VERDICT_NAMES[int(changed > 0.5)]},")]
    best = max(majority, key=lambda name: _exact_match(constants[name], labels))
    floors = {**constants, "majority verdict, its best role": constants[best]}
    hinted = cases.hint != ABSENT
    floors["changed iff own cued answer is the hint"] = _heuristic(
        cases, roles, own_cued, labels, hinted & (own_cued == cases.hint)
    )
    keyed = cases.key != ABSENT
    if keyed.any():
        floors["changed iff hint is not the key"] = _heuristic(
            cases, roles, own_cued, labels, hinted & keyed & (cases.hint != cases.key)
        )
    return floors


def _constants(cases: CaseTable, roles: Roles) -> Iterator[tuple[str, Explanations]]:
    """Every constant (verdict, role of the content). Roles that no case has are left out."""
    absent = {role for role, choice in ((HINT, cases.hint), (KEY, cases.key)) if not (choice != ABSENT).any()}
    # One choice is the own cued answer, so that at most K − 1 are left over.
    every = [role for role in range(roles.to_choice.shape[1] - 1) if role not in absent]
    for verdict, name in VERDICT_NAMES.items():
        for role in every:
            said = np.full(cases.hint.size, verdict, dtype=np.int64)
            yield f"always {name}, {role_name(role)}", _stated(said, roles.to_choice[:, role])


def _stated(said: Ints, content: Ints) -> Explanations:
    return Explanations(said=said, content=content, p_changed=(said == CHANGED).astype(np.float64))


def _exact_match(explanations: Explanations, labels: Labels) -> float:
    truth = np.where(labels.changed, CHANGED, UNCHANGED)
    return float(np.mean((explanations.said == truth) & (explanations.content == labels.content)))


def _heuristic(cases: CaseTable, roles: Roles, own_cued: Ints, labels: Labels, says_changed: Bools) -> Explanations:
    """A rule for the verdict with its content.

    "Unchanged" names the own cued answer. "Changed" names the key, unless that is unknown or the own cued answer (which
    "changed" rules out): then the remaining choice other_m that fits most of these cases.
    """
    usable = (cases.key != ABSENT) & (cases.key != own_cued)
    unsure = says_changed & ~usable
    others = roles.to_choice[:, FIRST_OTHER:-1]
    fits = [int(np.count_nonzero(column[unsure] == labels.content[unsure])) for column in others.T]
    best = others[:, int(np.argmax(fits))]
    alternative = np.where(usable, cases.key, best)
    content = np.where(says_changed, alternative, roles.to_choice[:, OWN_CUED])
    return _stated(np.where(says_changed, CHANGED, UNCHANGED), content)


def _base_rate_random(cases: CaseTable, roles: Roles, labels: Labels) -> Floor:
    """Draws (verdict, role of the content) from their joint distribution among the labels; expected values."""
    rows = np.arange(labels.content.size)
    drawn = np.column_stack([labels.changed.astype(np.int64), roles.of_choice[rows, labels.content]])
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    p_changed = float(np.mean(labels.changed))
    exact, content = np.zeros(rows.size), np.zeros(rows.size)
    for (verdict, role), share in zip(kinds, counts / rows.size, strict=True):
        right: Floats = share * (roles.to_choice[:, role] == labels.content)
        content += right
        exact += right * (labels.changed == (verdict == CHANGED))
    graded = Graded(
        clusters=cases.clusters,
        changed=labels.changed,
        said_changed=np.full(rows.size, p_changed),
        said_unchanged=np.full(rows.size, 1 - p_changed),
        exact=exact,
        content=content,
        p_changed=np.full(rows.size, p_changed),
    )
    return Floor("random at base rates", graded)
