"""What a model in training does on held-out items: an ordinary run against its base, and a row of the trajectory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introbench.files import write_whole
from introbench.metrics.intervals import Estimate
from introbench.metrics.schema import EmitterSummary, PairSummary, Summary
from introbench.metrics.summary import dump, summarise
from introbench.models.load import open_model
from introbench.models.spec import ModelSpec, parse_spec
from introbench.runs.config import RunConfig, resolve_config
from introbench.runs.execute import execute
from introbench.tasks.registry import TaskVariant
from introbench.train.config import EvaluationConfig, TrainConfig

__all__ = ["Evaluator", "adapted_spec", "evaluator_of"]


def adapted_spec(base: ModelSpec, adapter: Path) -> ModelSpec:
    """The spec of an adapter on its base. An embedded model is a base like any other of the hf backend."""
    return ModelSpec("hf", f"{base.name}+{adapter}", base.options)


@dataclass(frozen=True)
class Evaluator:
    """Runs adapters against their base.

    Attributes:
        base: spec of the base, with the dtype and device of the training.
        tasks: task specs.
        chosen: how many items, and which models beside the base.
        folder: where the runs lie, one folder each.
        include_paths: folders with task plugins.
        task_values: values of task parameters.
        measure: carries out a run.
    """

    base: ModelSpec
    tasks: tuple[str, ...]
    chosen: EvaluationConfig
    folder: Path
    include_paths: tuple[Path, ...] = ()
    task_values: Mapping[str, str] | None = None
    measure: Callable[..., Path] = execute

    def rows(self, step: int, adapter: Path, earlier: Sequence[Path] = ()) -> list[dict[str, Any]]:
        """Run the adapter of a step and give its rows of the trajectory, one per task and reference.

        Args:
            earlier: runs whose answers of the base are taken over.

        Raises as `introbench.runs.execute.execute` does.
        """
        config, variants = self._resolved(f"step-{step}", adapter)
        out = self.run_folder(step)
        self.measure(config, variants, out, reuse=earlier)
        summary = summarise(out)
        write_whole(out / "summary.json", dump(summary))
        return list(_rows(step, summary))

    def check(self) -> None:
        """See to it that the runs can be made. Raises as `resolve_config` and `open_model` do where they cannot."""
        config, _ = self._resolved("step", Path("adapter"))
        for entry in config.models[1:]:
            open_model(parse_spec(entry.spec))

    def _resolved(self, name: str, adapter: Path) -> tuple[RunConfig, list[TaskVariant]]:
        return resolve_config(
            f"{name}={adapted_spec(self.base, adapter)}",
            self.chosen.references,
            self.tasks,
            limit=self.chosen.limit,
            seed=self.chosen.seed,
            aa_share=0.0,
            include_paths=self.include_paths,
            task_values=self.task_values,
            skip=self.chosen.skip,
        )

    def run_folder(self, step: int) -> Path:
        """Where the run of a step lies."""
        return self.folder / f"step-{step}"


def evaluator_of(config: TrainConfig, base: ModelSpec, folder: Path) -> Evaluator | None:
    """What evaluates a training; None where nothing is to be asked.

    Args:
        base: the model that is trained, with the dtype and device of the training.
        folder: where the runs are to lie.
    """
    chosen = config.evaluation
    if chosen is None:
        return None
    tasks = chosen.tasks or config.training_set.tasks[:1]
    base = ModelSpec("hf", base.name, base.options)
    return Evaluator(base, tasks, chosen, folder, config.include_paths, config.task_values)


def _rows(step: int, summary: Summary) -> Iterator[dict[str, Any]]:
    target = next(model.name for model in summary.models if model.role == "target")
    roles = {model.name: model.role for model in summary.models}
    for task in summary.tasks:
        emitter = next(each for each in task.emitters if each.model == target)
        for pair in task.pairs:
            if pair.emitter == target:
                yield {
                    "step": step,
                    "task": task.name,
                    "reference": pair.reference,
                    "role": roles[pair.reference],
                    **{name: _estimate(found) for name, found in _estimates(emitter, pair).items()},
                    "n_D": pair.exact.disagreements,
                    "best_floor_j": emitter.headline.youden_j.floor_value,
                }


def _estimates(emitter: EmitterSummary, pair: PairSummary) -> dict[str, Estimate]:
    own, does = emitter.self_scores, emitter.behaviour
    return {
        "self": own.exact_match,
        "reference_score": pair.exact.reference_score,
        "gap": pair.exact.gap,
        "d": pair.exact.drift,
        "s_D": pair.exact.self_on_disagreements,
        "o_D": pair.exact.reference_on_disagreements,
        "centred_coupling": pair.exact.centred_coupling,
        "verdict_j": own.youden_j,
        "auroc": own.auroc,
        "content": own.content_accuracy,
        "content_on_changed": own.content_on_changed,
        "change_rate": does.change_rate,
        "cue_following": does.cue_following,
        "accuracy_uncued": does.accuracy_uncued,
        "accuracy_cued": does.accuracy_cued,
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "status": found.status}
