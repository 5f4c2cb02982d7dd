"""The table that a measurement is printed as: 80 columns, from the JSON alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["peer_lines", "scaling_lines"]

_COLUMNS = 80
_HEADER = f"{'peer':<13}{'batch':>6}{'seconds':>10}{'req/s':>9}{'tokens':>10}{'times':>8}{'peak GB':>9}{'nats off':>12}"


def peer_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A measurement of peers, line by line."""
    machine, load = found["machine"], found["load"]
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['threads']} threads"
    yield from _wrapped(f"{found['model']} on {where}, load average {machine['load_average']}")
    yield from _wrapped(
        f"{load['requests']:,} requests of {load['items']:,} items, {load['choices']:,} choices, "
        f"{load['prompt_tokens']:,} prompt tokens, {load['trie_tokens']:,} in the items' tries: "
        f"{load['prompt_tokens'] / load['trie_tokens']:.2f} times fewer. Medians of {found['repeats']}; batch "
        f"sizes were chosen on {found['sweep_requests']} requests."
    )
    for result in found["results"]:
        yield ""
        yield from _result_lines(result)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _COLUMNS, subsequent_indent="  ")


def _result_lines(result: Mapping[str, Any]) -> Iterator[str]:
    model, own = result["model"], result["introbench"]
    yield from _wrapped(f"{result['dtype']}, packs of {model['pack_tokens']:,} tokens; {model['path_reason']}")
    yield _HEADER
    for name, entry in result["peers"].items():
        yield _peer_line(name, entry)
    for name, reason in result["skipped"].items():
        yield from _wrapped(f"{name:<13} skipped: {reason}")
    pushed = f"introbench pushed {own['tokens_pushed']:,} tokens, {own['pushed_to_bound']:.3f} of the bound"
    if "layout_share" in own:
        ratios = own["pushed_to_bound_per_item"]
        pushed += (
            f"; per item {ratios['mean']:.3f}, at most {ratios['largest']:.3f} (goal {own['pushed_goal']}); "
            f"laying out took {own['layout_share']:.1%}"
        )
    yield from _wrapped(pushed)
    rows = max(entry["against_single_rows"]["largest_difference"] for entry in _here(result))
    goal = f" (goal {result['nats_goal']:g})" if result["nats_goal"] else ""
    yield from _wrapped(f"the first items one row at a time: all are at most {rows:.1e} nats off{goal}")
    if "ceiling" in result:
        yield from _ceiling_lines(result["ceiling"])


def _here(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in result["peers"].values() if "against_single_rows" in entry]


def _peer_line(name: str, entry: Mapping[str, Any]) -> str:
    peak = f"{entry['peak_bytes'] / 1e9:.2f}" if entry.get("peak_bytes") else "-"
    pushed = f"{entry['tokens_pushed']:,}" if entry.get("tokens_pushed") else "-"
    return (
        f"{name:<13}{entry.get('batch_size') or '-':>6}{entry['median_seconds']:>10.3f}"
        f"{entry['requests_per_second']:>9.1f}{pushed:>10}{entry['times_introbench']:>7.2f}x{peak:>9}"
        f"{entry['against_introbench']['largest_difference']:>12.1e}"
    )


def _ceiling_lines(found: Mapping[str, Any]) -> Iterator[str]:
    shape = found["dense_shape"]
    yield from _wrapped(
        f"dense forward at best ({shape['rows']} x {shape['length']}): {found['dense_tokens_per_second']:,.0f} "
        f"tokens/s; introbench {found['introbench_tokens_per_second']:,.0f}, {found['share_of_dense']:.2f} of it "
        f"(goal {found['dense_goal']})"
    )
    yield from _wrapped(
        f"matrix products at best: {found['matrix_flops_per_second'] / 1e9:,.0f} GFLOP/s; dense forward "
        f"{found['dense_share_of_matrix']:.2f} of it, introbench {found['introbench_share_of_matrix']:.2f}"
    )


def scaling_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A measurement of growing loads, line by line."""
    machine = found["machine"]
    yield from _wrapped(f"{found['model']} on {machine['cpu']}, {machine['threads']} threads: what a case costs")
    for name, part in found["scaling"].items():
        yield ""
        yield f"{name:<10}{'cases':>10}{'requests':>10}{'seconds':>11}{'ms/case':>10}{'peak MB':>10}{'rise MB':>10}"
        for row in part["sizes"]:
            yield (
                f"{'':<10}{row['cases']:>10,}{row['requests']:>10,}{row['seconds']:>11.2f}"
                f"{1e3 * row['seconds_per_case']:>10.2f}{row['peak_bytes'] / 1e6:>10.0f}"
                f"{row['rise_bytes'] / 1e6:>10.0f}"
            )
        yield f"{'':<10}dearest case to cheapest: {part['largest_to_smallest']:.2f}"
        if "largest_to_smallest_beyond_start" in part:
            yield f"{'':<10}without the time of a run of one item: {part['largest_to_smallest_beyond_start']:.2f}"
