"""The forest holds every token once, and knows who attends to whom."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from introbench.scorer.forest import count_tokens, grow_forest
from introbench.scorer.packs import halve, split_packs


@dataclass(frozen=True)
class Asked:
    prompt_ids: tuple[int, ...]
    choices_ids: tuple[tuple[int, ...], ...]
    group: str = ""


tokens = st.integers(0, 2)
requests = st.lists(
    st.builds(
        Asked,
        st.lists(tokens, min_size=1, max_size=5).map(tuple),
        st.lists(st.lists(tokens, min_size=1, max_size=4).map(tuple), min_size=1, max_size=3).map(tuple),
        st.sampled_from(["a", "b", ""]),
    ),
    min_size=1,
    max_size=6,
)


@given(requests)
def test_ancestors_spell_every_scored_prefix_and_no_token_stands_twice(asked: list[Asked]) -> None:
    forest = grow_forest(asked)
    spelled = []
    for place in range(len(forest.ids)):
        ancestors = [j for j in range(place + 1) if place < forest.end[j]]
        assert len(ancestors) == forest.depth[place] + 1
        spelled.append(tuple(int(forest.ids[j]) for j in ancestors))
    assert len(set(spelled)) == len(spelled)
    pushed = {
        (request.prompt_ids + reply[:-1])[: length + 1]
        for request in asked
        for reply in request.choices_ids
        for length in range(len(request.prompt_ids) + len(reply) - 1)
    }
    assert set(spelled) == pushed


@given(requests)
def test_transitions_spell_the_choices(asked: list[Asked]) -> None:
    forest = grow_forest(asked)
    replies = [reply for request in asked for reply in request.choices_ids]
    assert forest.choices == len(replies)
    for number, reply in enumerate(replies):
        assert tuple(int(token) for token in forest.targets[forest.owners == number]) == reply


@given(requests, st.integers(1, 40))
def test_packs_keep_groups_whole_and_order_and_splitting_again_changes_nothing(asked: list[Asked], budget: int) -> None:
    packs = split_packs(asked, budget)
    assert [number for pack in packs for number in pack] == list(range(len(asked)))
    for left, right in itertools.pairwise(packs):
        assert not asked[left[-1]].group or asked[left[-1]].group != asked[right[0]].group
    for pack in packs:
        members = [asked[number] for number in pack]
        assert split_packs(members, budget) == [list(range(len(pack)))]
        if len({member.group or number for number, member in enumerate(members)}) > 1:
            assert len(grow_forest(members).ids) <= budget


def test_what_all_prompts_begin_with_counts_once_a_pack() -> None:
    system, budget = (1,) * 10, 26
    asked = [Asked((*system, 2 + item, 9, 9), ((3,),), f"item {item}") for item in range(8)]
    # 10 tokens of the system turn, then 3 of every item's own.
    assert [len(pack) for pack in split_packs(asked, budget)] == [5, 3]


@given(requests)
def test_the_bound_of_the_forest_is_what_it_pushes(asked: list[Asked]) -> None:
    forest = grow_forest(asked)
    assert count_tokens(asked) == len(forest.ids)
    assert [tuple(forest.path(node)) for node in range(len(forest.ids))] == [
        tuple(j for j in range(node) if node < forest.end[j]) for node in range(len(forest.ids))
    ]


@given(requests)
def test_halving_keeps_order_and_groups_and_ends_at_single_requests(asked: list[Asked]) -> None:
    halves = halve(asked)
    if len(asked) == 1:
        assert halves is None
        return
    assert halves is not None
    left, right = halves
    assert left
    assert right
    assert left + right == list(range(len(asked)))
    if len({request.group for request in asked}) > 1:
        assert asked[left[-1]].group != asked[right[0]].group or not asked[right[0]].group
