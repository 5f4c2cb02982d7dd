"""All items in the order of the file, and the rules that hold between them."""

from __future__ import annotations

import re
from pathlib import Path

from introbench.hashing import named_random, text_hash
from introbench.tasks.splits import cluster_split
from introbench_tasks.dilemmas.generate import SEED, TASK
from introbench_tasks.dilemmas.generate.accounts import LEANS, Account, draw_account, lengths
from introbench_tasks.dilemmas.generate.overlap import grams, jaccard, most_alike
from introbench_tasks.dilemmas.generate.people import Gender
from introbench_tasks.dilemmas.generate.persons import NARRATORS, in_third_person
from introbench_tasks.dilemmas.generate.situations import Situation, situations
from introbench_tasks.dilemmas.protocol import ORDERS, Order, question
from introbench_tasks.frozen import ItemRecord, jsonl_text

__all__ = ["ITEMS_FILE", "MOST_ALIKE", "all_items", "items_text"]

ITEMS_FILE = Path(__file__).resolve().parent.parent / "items.jsonl"

HELD_OUT = 0.4
"""Share of the situations that are held out, so that the test set has enough clusters."""

MOST_ALIKE = 0.7
"""No two questions reach this Jaccard index of word 5-grams, names masked."""

ALIKE_IN_CLUSTER = 0.6
"""What accounts of one situation stay under, a little stricter."""

DRAWS = 200
"""Draws of one account before giving up: a situation then has too few variants."""

ID_DIGITS = 10
_SENTENCE_END = re.compile(r"[.!?](?= |$)")


def all_items() -> list[ItemRecord]:
    """Every item, by id. Raises ValueError where two are too much alike."""
    items = [item for situation in situations() for item in _items(situation)]
    index, one, other = most_alike([item["question"] for item in items])
    if index >= MOST_ALIKE:
        raise ValueError(f"{items[one]['question']!r} and {items[other]['question']!r} are alike: {index:.2f}")
    return sorted(items, key=lambda item: item["id"])


def items_text() -> str:
    """The content of the item file."""
    return jsonl_text(all_items())


def _items(situation: Situation) -> list[ItemRecord]:
    """The items of one situation. Both orders of the verdicts are asked equally often, or one more of either."""
    accounts = {_item_id(situation, account): account for account in _accounts(situation)}
    orders = list(ORDERS)
    named_random(SEED, TASK, _cluster(situation), "order").shuffle(orders)
    return [
        _record(situation, accounts[item_id], item_id, orders[number % len(orders)])
        for number, item_id in enumerate(sorted(accounts))
    ]


def _accounts(situation: Situation) -> list[Account]:
    """Two accounts of every length, one of either lean, no two of them too much alike."""
    accounts: list[Account] = []
    seen: list[frozenset[tuple[str, ...]]] = []
    for sentences in lengths(situation):
        for lean in LEANS:
            for draw in range(DRAWS):
                rng = named_random(SEED, TASK, situation.id, f"{sentences} {lean}", str(draw))
                account = draw_account(rng, situation, sentences, lean)
                found = grams(question(account.text, "wrong_first"))
                if all(jaccard(found, other) < ALIKE_IN_CLUSTER for other in seen):
                    break
            else:
                raise ValueError(f"{situation.topic}: {situation.id} has too few variants of {sentences} sentences")
            accounts.append(account)
            seen.append(found)
    return accounts


def _item_id(situation: Situation, account: Account) -> str:
    return f"{situation.topic}-{text_hash(account.text)[:ID_DIGITS]}"


def _record(situation: Situation, account: Account, item_id: str, order: Order) -> ItemRecord:
    """Raises ValueError where the account breaks a rule that holds for every item."""
    cluster, text = _cluster(situation), account.text
    if "{" in text or "  " in text or len(_SENTENCE_END.findall(text)) != account.sentences or text[-1] != ".":
        raise ValueError(f"{cluster}: {text!r} is not {account.sentences} clean sentences")
    return {
        "id": item_id,
        "kind": f"{account.blame}_{order}",
        "cluster": cluster,
        "split": cluster_split(cluster, HELD_OUT),
        "question": question(text, order),
        "choices": list(ORDERS[order]),
        "key": None,
        "fields": {"third_person": _retold(account, order)} if situation.retold else {},
    }


def _retold(account: Account, order: Order) -> str:
    # Of the other gender than the other person, so that "he" and "she" always tell the two apart.
    narrator: Gender = "m" if account.gender == "f" else "f"
    return question(in_third_person(account.text, narrator), order, person=f"the {NARRATORS[narrator]}")


def _cluster(situation: Situation) -> str:
    return f"{situation.topic}:{situation.id}"
