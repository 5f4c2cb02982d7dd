"""Whether a bundle's models are who they are said to be, as far as texts can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from introbench.errors import SpecError
from introbench.hashing import content_hash
from introbench.models.spec import EMBEDDED, ModelSpec, parse_spec
from introbench_leaderboard.asked import folders
from introbench_leaderboard.layout import HEADER, MANIFEST, Header, Manifest, ManifestModel
from introbench_leaderboard.privacy import is_local_path
from introbench_leaderboard.reasons import Reason, reason
from introbench_leaderboard.rules import Rules

__all__ = ["FROM_HUB", "engine_of", "hub_name", "identity_hash", "identity_reasons", "weights_of"]

FROM_HUB = ("hf", "vllm")
"""Backends whose names are hub ids unless they are paths."""

_ENGINES = {"embedded": "hf"}
"""What a backend's fingerprint begins with, where that is not its own name."""

_PASSING = ("engine", "nonce")
"""Parts of a fingerprint that two measurements of the same model may differ in."""

_HASH = re.compile("[0-9a-f]{64}")


def engine_of(spec: str) -> str:
    """The backend of a spec. Raises SpecError where it names none."""
    return parse_spec(spec).backend


def hub_name(spec: ModelSpec) -> str | None:
    """ORG/NAME of the hub that a spec stands for: of the last adapter where there is one; None for anything else."""
    if spec.backend not in FROM_HUB:
        return None
    name = spec.places[-1].partition("@")[0]
    return None if is_local_path(name) or name.count("/") != 1 else name


def weights_of(model: ManifestModel) -> str:
    """What of the identity says which weights they are; the whole identity where no part does."""
    parts = model.fingerprint_parts
    named = {name: parts[name] for name in ("weights", "adapter", "noise", "quantised") if parts.get(name)}
    return content_hash(named) if "weights" in named else identity_hash(parts)


def identity_hash(parts: dict[str, str]) -> str:
    """Hash of an identity without the versions of its engine: equal for the same model on two machines."""
    return content_hash({name: part for name, part in parts.items() if name not in _PASSING})


def identity_reasons(header: Header, manifest: Manifest, rules: Rules) -> Iterator[Reason]:
    """Everything about the models that does not fit together."""
    yield from _listing(manifest)
    for place, model in enumerate(manifest.models):
        where = f"{MANIFEST}, models.{place}"
        if content_hash(model.fingerprint_parts) != model.fingerprint:
            yield reason("identity-fingerprint", where, "its fingerprint is not the hash of its parts")
        try:
            spec = parse_spec(model.spec)
        except SpecError as error:
            yield reason("identity-spec", where, str(error))
            continue
        yield from _spec_reasons(where, model, spec, rules)
    yield from _name_reasons(header, manifest)


def _listing(manifest: Manifest) -> Iterator[Reason]:
    asked = [(model.name, model.spec, model.role) for model in manifest.config.models]
    if [(model.name, model.spec, model.role) for model in manifest.models] != asked:
        yield reason("identity-listing", f"{MANIFEST}, models", "are not those of the configuration")
    if [role for *_, role in asked] not in (["target"], ["target", "base"]):
        yield reason("identity-roles", f"{MANIFEST}, config.models", "must be a target, then its base where it has one")
    if len({name for name, *_ in asked}) < len(asked):
        yield reason("identity-twice", f"{MANIFEST}, config.models", "have the same name")
    elif [model.folder for model in manifest.models] != list(folders(manifest.config).values()):
        yield reason("identity-listing", f"{MANIFEST}, models", "have folders of other names than a run gives them")
    if manifest.seed != manifest.config.seed:
        yield reason("seed", f"{MANIFEST}, seed", "is not that of the configuration")


def _spec_reasons(where: str, model: ManifestModel, spec: ModelSpec, rules: Rules) -> Iterator[Reason]:
    if str(spec) != model.spec:
        yield reason("identity-spec", where, f"spec {model.spec!r} is not written as a run writes it")
    if spec.backend not in rules.engines:
        yield reason("engine", where, f"this board takes no runs of {spec.backend} models")
    engine = model.fingerprint_parts.get("engine", "").partition(" ")[0]
    if engine != _ENGINES.get(spec.backend, spec.backend):
        yield reason("identity-engine", where, f"spec {model.spec!r}, but the identity is of the engine {engine!r}")
    if spec.backend not in FROM_HUB:
        return
    base, *adapters = spec.places
    for names, part in (([base], "weights"), (adapters, "adapter")):
        stated = model.fingerprint_parts.get(part, "")
        found = stated.split("+") if stated else []
        if len(found) > len(names):
            yield reason("identity-weights", where, f"has an adapter ({stated!r}) that its spec does not name")
        elif len(found) < len(names) or not all(map(_fits, names, found)):
            yield reason("identity-weights", where, f"spec {model.spec!r}, but its {part} are {stated!r}")


def _fits(place: str, stated: str) -> bool:
    """Whether weights can be those of a place in a spec: a hub id at a commit, or the hash of local files."""
    name = place.partition("@")[0]
    if _HASH.fullmatch(stated):
        return is_local_path(name) or name in EMBEDDED
    return (
        not is_local_path(name)
        and re.fullmatch("[^@]+@[0-9a-f]{40}", stated) is not None
        and (stated.partition("@")[0] == name)
    )


def _name_reasons(header: Header, manifest: Manifest) -> Iterator[Reason]:
    target = manifest.models[0]
    try:
        hub = hub_name(parse_spec(target.spec))
    except SpecError:
        return
    if hub is not None and hub != f"{header.org}/{header.model}":
        yield reason(
            "identity-name", HEADER, f"calls the model {header.org}/{header.model}; its weights are those of {hub}"
        )
    if target.spec.partition("?")[0].count("+") and len(manifest.models) == 1:
        yield reason("identity-base", f"{MANIFEST}, models", "lack the base that the target's spec names")
    first, rest = manifest.models[0], manifest.models[1:]
    if any(model.fingerprint == first.fingerprint for model in rest):
        yield reason("identity-base", f"{MANIFEST}, models", "are one model twice")
