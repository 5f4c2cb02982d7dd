"""Explanations moved from case to case within strata: what chance alone would score, in closed form.

A transplanted explanation keeps its verdict and the *role* of its content, and names whatever choice has that role in
its new case. The mean over all permutations within a stratum is the mean over all pairings of its explanations with its
cases, because a permutation puts each explanation on each case equally often. No sampling is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from introbench.metrics.arrays import Bools, Floats, Ints, grouped
from introbench.metrics.observations import ABSENT, CaseTable, Explanations, Rows
from introbench.metrics.roles import NO_ROLE, Roles

__all__ = ["Centred", "ExchangeTable", "Transplants", "centre", "exchange_table", "strata_of", "transplants_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Transplants:
    """Every different explanation (verdict, role) and where each of them came from and would go.

    Attributes:
        source: (cases,) which of the S different explanations the case has.
        said: (S,) verdict.
        content: (cases, S) the choice that the explanation would name on the case; ABSENT where it names none.
    """

    source: Ints
    said: Ints
    content: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Centred(Rows):
    """Scores of explanations with the mean over permutations within strata taken off. All (cases,).

    Attributes:
        contributions: u_kk − row mean − column mean + grand mean; sums to Σ u_kk minus its permutation mean.
        inflation: factor on the contributions under which their squares are unbiased for the variance: √(n/(n − 1))
            in a stratum of n cases.
        paired: whether the stratum has another case to exchange explanations with; without one the contribution is 0.
    """

    contributions: Floats
    inflation: Floats
    paired: Bools


def strata_of(cases: CaseTable, own_cued: Ints, reference_cued: Ints) -> Ints:
    """Codes of task × cue kind × role of the emitter's cued answer × role of the reference's cued answer.

    The role of a cued answer is which of hint and key it is. Whether the hint *is* the key, whether they exist and the
    number of choices belong to the stratum too: without them one role could name different things, or nothing, on two
    of its cases, and a constant explanation would be worth different amounts on them.
    """
    columns: list[Ints | Bools] = [
        np.unique(cases.tasks, return_inverse=True)[1],
        np.unique(cases.cue_kinds, return_inverse=True)[1],
        cases.choices,
        cases.hint == ABSENT,
        cases.key == ABSENT,
        cases.hint == cases.key,
        own_cued == cases.hint,
        own_cued == cases.key,
        reference_cued == cases.hint,
        reference_cued == cases.key,
    ]
    codes = np.zeros(cases.hint.size, dtype=np.int64)
    for column in columns:
        codes = codes * (int(column.max(initial=0)) + 1) + column
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def transplants_of(explanations: Explanations, roles: Roles) -> Transplants:
    """The different explanations as (verdict, role of the content), resolved on every case."""
    rows = np.arange(explanations.said.size)
    named = explanations.content != ABSENT
    role = np.where(named, roles.of_choice[rows, np.maximum(explanations.content, 0)], NO_ROLE)
    # Verdicts and roles start at −1, so both are shifted to be digits of one code.
    base = roles.to_choice.shape[1] + 1
    codes, source = np.unique((explanations.said + 1) * base + role + 1, return_inverse=True)
    said, role = codes // base - 1, codes % base - 1
    content = np.where(role == NO_ROLE, ABSENT, roles.to_choice[:, np.maximum(role, 0)])
    return Transplants(source=source.astype(np.int64), said=said, content=content)


@dataclass(frozen=True, slots=True, eq=False)
class ExchangeTable(Rows):
    """What every explanation would contribute on every case, its permutation mean taken off. All (cases, …).

    Attributes:
        worth: (cases, S) doubly centred score of each different explanation on each case; 0 in a stratum of one case.
        inflation: (cases,) see `Centred`.
        paired: (cases,) see `Centred`.
    """

    worth: Floats
    inflation: Floats
    paired: Bools


def centre(worth: Floats, source: Ints, strata: Ints) -> Centred:
    """Takes the permutation mean off the explanations' scores.

    With u_ij the score of explanation j on case i, the contribution of case k is doubly centred: u_kk minus what its
    explanation scores on average, minus what an average explanation scores on it, plus the grand mean. It has the same
    sum as u_kk minus the permutation mean, and is the right influence function: the permutation mean is estimated from
    the same cases, and a contribution that ignored this would be far too variable.

    Args:
        worth: (cases, S) what each different explanation scores on each case.
        source: (cases,) which of them the case has.
        strata: (cases,) stratum codes.
    """
    table = exchange_table(worth, source, strata)
    return Centred(
        contributions=table.worth[np.arange(source.size), source], inflation=table.inflation, paired=table.paired
    )


def exchange_table(worth: Floats, source: Ints, strata: Ints) -> ExchangeTable:
    """The same for every explanation on every case; exchanging explanations within strata leaves the table as it is."""
    codes, sizes = grouped(strata)
    kinds = worth.shape[1]
    counts = np.bincount(codes * kinds + source, minlength=sizes.size * kinds).reshape(sizes.size, kinds)
    shares = counts / sizes[:, None]
    totals = np.column_stack([np.bincount(codes, worth[:, kind], sizes.size) for kind in range(kinds)])
    on_average = totals / sizes[:, None]
    rows = np.sum(shares[codes] * worth, axis=1)
    grand = np.sum(shares * on_average, axis=1)
    size = sizes[codes]
    paired = size > 1
    return ExchangeTable(
        # Written as 0 where the algebra says 0, so that rounding cannot make a lone case look informative.
        worth=np.where(paired[:, None], worth - rows[:, None] - on_average[codes] + grand[codes, None], 0.0),
        inflation=np.sqrt(size / np.maximum(size - 1, 1)),
        paired=paired,
    )
