"""Label noise: explanation labels flipped at a rate. The same noise serves demonstrations and training sets.

Every label has a draw of its own, a number from 0 to 1, and is flipped where that lies below the rate. The draw depends
on seed, task, item and cue alone, and on the hint where an item is asked with several. So no other label can move a
flip, whatever the limit or the order, and what is flipped at one rate is flipped at every higher one, to the same
label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from introbench.hashing import named_random

if TYPE_CHECKING:
    from introbench.tasks.labels import Label

__all__ = ["Noise", "NoiseKind", "flip_label", "flip_labels"]

NoiseKind = Literal["symmetric", "verdict", "content", "class-conditional"]
"""What a flipped label becomes, of k choices:

- symmetric: any other of the 2k candidate explanations, all 2k − 1 equally likely;
- verdict: the other verdict with the same content;
- content: the same verdict with any other of the choices, all k − 1 equally likely;
- class-conditional: "changed" becomes "unchanged" with the same content, and "unchanged" is never flipped: an influence
  is denied and none is made up. The rate is that of the "changed" labels.
"""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is done to labels.

    Attributes:
        kind: what a flipped label becomes.
        rate: probability that a label is flipped, of those that can be, 0 to 1.
    """

    kind: NoiseKind
    rate: float


def flip_label(
    label: Label, choices: Sequence[str], noise: Noise, seed: int, task: str, *, by_hint: bool = False
) -> Label:
    """The label under noise: itself, or what it is flipped to.

    Args:
        choices: texts of the item's choices, the label's content among them; at least two.
        seed: root seed of the draws.
        task: the base task's own name.
        by_hint: whether labels of one item and cue that differ in the hint have draws of their own.
    """
    if noise.kind == "class-conditional" and label.verdict == "unchanged":
        return label
    names = (task, label.item, label.cue, *([label.hint or ""] if by_hint else []), "noise")
    if named_random(seed, *names).random() >= noise.rate:
        return label
    verdicts = ("unchanged", "changed")
    other = verdicts[label.verdict == "unchanged"]
    possible: list[tuple[str, str]]
    match noise.kind:
        case "verdict" | "class-conditional":
            return label.model_copy(update={"verdict": other})
        case "content":
            possible = [(label.verdict, choice) for choice in choices]
        case "symmetric":
            possible = [(verdict, choice) for verdict in verdicts for choice in choices]
    possible.remove((label.verdict, label.content))
    verdict, content = named_random(seed, *names, noise.kind).choice(possible)
    return label.model_copy(update={"verdict": verdict, "content": content})


def flip_labels(
    labels: Iterable[Label], choices: Mapping[str, Sequence[str]], noise: Noise, seed: int, task: str
) -> tuple[list[Label], int]:
    """Labels under noise, in their order, and how many of them were flipped.

    Args:
        choices: by item id, the texts of its choices.
    """
    before = list(labels)
    after = [flip_label(label, choices[label.item], noise, seed, task) for label in before]
    return after, sum(one != other for one, other in zip(before, after, strict=True))
