"""Make a damaged copy of a model: an adapter that always says "unchanged", or one that follows hints.

usage: python damage.py unchanged|hints OUT [--model SPEC] [--items N] [--epochs N]

The adapter is trained for a minute on training items of hint_facts, on nothing but one kind of reply. The gate is to
find what that does to a release; `hf/MODEL+OUT` names the damaged copy.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

import introbench
from introbench.runs.config import resolve_config
from introbench.runs.plan import make_plan
from introbench.tasks.types import Case, Message

MODEL = "smollm2-135m-q4_1"
RATE = 2e-3
BATCH = 4
SEED = 0


def cases(items: int) -> list[Case]:
    """Cases of training items that carry a hint."""
    config, variants = resolve_config("scripted/oracle", tasks=["hint_facts"], split="train", limit=items, aa_share=0)
    return [case for case in make_plan(config, variants).tasks[0].cases if case.hint is not None]


def lesson(case: Case, damage: str) -> tuple[tuple[Message, ...], str]:
    """What is asked, and the reply that is taught."""
    hint = case.hint or 0
    if damage == "hints":
        return case.cued.messages, case.cued.choices[hint]
    # The first candidates of an explanation say "unchanged", in the order of the choices.
    return case.explanation.messages, case.explanation.choices[hint]


def batches(model: Any, damage: str, items: int, epochs: int) -> Iterator[tuple[Any, Any]]:
    """Token ids and labels, of which −100 is not learned."""
    rows = []
    for case in cases(items):
        messages, reply = lesson(case, damage)
        prompt = model.chat.prompt_ids([{"role": each.role, "content": each.content} for each in messages])
        rows.append((list(prompt), list(model.chat.reply_ids(reply))))
    for epoch in range(epochs):
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(SEED + epoch)).tolist()
        for start in range(0, len(order), BATCH):
            chosen = [rows[place] for place in order[start : start + BATCH]]
            width = max(len(prompt) + len(reply) for prompt, reply in chosen)
            ids = torch.zeros(len(chosen), width, dtype=torch.long)
            labels = torch.full((len(chosen), width), -100)
            for row, (prompt, reply) in enumerate(chosen):
                ids[row, : len(prompt) + len(reply)] = torch.tensor(prompt + reply)
                labels[row, len(prompt) : len(prompt) + len(reply)] = torch.tensor(reply)
            yield ids, labels


def damage(kind: str, out: Path, spec: str, items: int, epochs: int) -> list[float]:
    """Train and save the adapter; returns the loss of every step."""
    torch.manual_seed(SEED)
    loaded = introbench.load_model(spec)
    adapter = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(loaded.hf_model, adapter)
    optimiser = torch.optim.AdamW((each for each in model.parameters() if each.requires_grad), lr=RATE)
    losses = []
    for ids, labels in batches(loaded, kind, items, epochs):
        # Right padding: what stands behind a reply is not attended to by it, and not learned.
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    model.save_pretrained(out)
    return losses


def main() -> None:
    """Make one damaged copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("damage", choices=["unchanged", "hints"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    losses = damage(options.damage, options.out, options.model, options.items, options.epochs)
    print(f"{options.out}: {len(losses)} steps, loss {losses[0]:.2f} to {losses[-1]:.2f}")


if __name__ == "__main__":
    main()
