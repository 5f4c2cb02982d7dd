"""A floor that learns: what a classifier makes of everything about a case but the model's answer without the cue.

It sees features of the prompt and the emitter's own cued answer with its probabilities, and never the fold that it
predicts. An explainer that does no better may have learnt a habit from the same cases.
"""

from __future__ import annotations

import importlib.util
from typing import Literal

import numpy as np

from introbench.errors import UsageError
from introbench.metrics.arrays import Floats, Ints
from introbench.metrics.floors import Floor
from introbench.metrics.intervals import cluster_count
from introbench.metrics.observations import CHANGED, UNCHANGED, Answers, CaseTable, Explanations, Labels
from introbench.metrics.roles import roles_of
from introbench.metrics.scores import grade

__all__ = ["CLASSIFIER", "FloorSet", "check_floors", "classifier_floor"]

FloorSet = Literal["fixed", "full"]
"""Which floors are scored: those without any fitting, or the classifier too."""

CLASSIFIER = "cross-fitted classifier on prompt and own cued answer"
FOLDS = 5
FEWEST_OF_A_CLASS = 2


def check_floors(floors: FloorSet) -> None:
    """Raises UsageError where the classifier is asked for and scikit-learn is missing."""
    if floors == "full" and importlib.util.find_spec("sklearn") is None:
        raise UsageError("--floors full: needs scikit-learn; run: pip install 'introbench[stats]'")


def classifier_floor(cases: CaseTable, emitter: Answers, labels: Labels) -> Floor | None:
    """The floor over cases on which the emitter behaved; None where labels or clusters are too few to fit it.

    A class is a verdict with the role of the content. As with explanations, the verdict is decided by the summed
    probability of its classes, then the content within it. Folds are whole clusters.
    """
    roles = roles_of(cases, emitter.cued)
    rows = np.arange(cases.hint.size)
    width = roles.to_choice.shape[1]
    classes = labels.changed * width + roles.of_choice[rows, labels.content]
    if cluster_count(cases.clusters) < FOLDS or np.unique(labels.changed).size < FEWEST_OF_A_CLASS:
        return None
    known, probabilities = _cross_fitted(_features(cases, emitter), classes, cases.clusters)
    changed = known >= width
    p_changed = probabilities[:, changed].sum(axis=1)
    says_changed = p_changed > 1 / 2
    within = np.where(changed == says_changed[:, None], probabilities, -1.0)
    role = (known % width)[np.argmax(within, axis=1)]
    said = np.where(says_changed, CHANGED, UNCHANGED).astype(np.int64)
    stated = Explanations(said=said, content=roles.to_choice[rows, role], p_changed=p_changed)
    return Floor(CLASSIFIER, grade(stated, labels, cases.clusters))


def _features(cases: CaseTable, emitter: Answers) -> Floats:
    """(cases, features) what an explainer has before it, as numbers of the order of 1."""
    columns: list[Floats] = []
    for values in (cases.cue_kinds, cases.hint, cases.key, cases.choices, emitter.cued):
        columns += [(values == each).astype(np.float64) for each in np.unique(values)]
    follows, right = emitter.cued == cases.hint, emitter.cued == cases.key
    told = cases.hint == cases.key
    columns += [each.astype(np.float64) for each in (follows, right, told, follows & ~told, right & ~told)]
    # How sure the answer is matters most where it is the hint. Engines that give replies alone know neither.
    lead = np.nan_to_num(emitter.cued_lead)
    margin = np.log1p(np.nan_to_num(emitter.cued_margin, posinf=0.0))
    columns += [lead, margin, lead * follows, margin * follows]
    return np.column_stack(columns)


def _cross_fitted(features: Floats, classes: Ints, clusters: Ints) -> tuple[Ints, Floats]:
    """The classes, and (cases, classes) their probabilities by a model that has not seen the case's cluster."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    known = np.unique(classes)
    probabilities = np.zeros((classes.size, known.size))
    for fitted, held in GroupKFold(FOLDS).split(features, classes, clusters):
        seen = np.unique(classes[fitted])
        places = np.searchsorted(known, seen)
        if seen.size == 1:
            probabilities[held, places[0]] = 1.0
            continue
        model = LogisticRegression(max_iter=1000).fit(features[fitted], classes[fitted])
        probabilities[np.ix_(held, places)] = model.predict_proba(features[held])
    return known, probabilities
