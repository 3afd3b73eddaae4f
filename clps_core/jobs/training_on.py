"""Training on: a fork that keeps its parent's optimiser and goes on from its last step. No torch. Start at going_on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clps_core.config import RunConfig
from clps_core.errors import ConfigError, JobError
from clps_core.experiment import merged
from clps_core.jobs.ancestry import weights_step
from clps_core.jobs.keeping import START, weights_file
from clps_core.jobs.provenance import header_facts
from clps_core.store import Run, Store
from clps_core.training.schedule import learning_rate
from clps_core.words import _

__all__ = ["check_began", "check_no_begin_step", "check_same_optimiser", "going_on", "rate_sentence"]


def going_on(store: Store, parent: Run, changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` of a fork, with the step that it goes on from: all that was trained with this optimiser before.

    Raises ``JobError`` where the parent has no checkpoint to go on from.
    """
    done = weights_step(store, parent, "last")
    if not done:
        raise JobError(
            _(
                "{parent} has no last checkpoint, so its training cannot continue: the checkpoint was deleted to "
                "free space, or the run has not saved one yet. Fork its best weights, or wait.",
                parent=parent.id,
            )
        )
    return merged(dict(changes), {"train": {"begin_step": parent.config.train.begin_step + done}})


def check_same_optimiser(parent: RunConfig, config: RunConfig) -> None:
    """Raise ``ConfigError`` where the optimiser of ``config`` could not take over the state of the parent's."""
    changed = []
    if parent.optim.name != config.optim.name:
        changed.append("optim.name")
    if bool(parent.optim.ema_decay) != bool(config.optim.ema_decay):
        changed.append("optim.ema_decay")
    if changed:
        raise ConfigError(
            _(
                "a run that continues training must keep its parent's optimiser and its averaging of weights. Got a "
                "different {names}. Use a fork without the optimiser instead.",
                names=", ".join(changed),
            )
        )


def check_no_begin_step(config: RunConfig) -> None:
    """Raise ``ConfigError`` for a new run that would begin in the middle."""
    if config.train.begin_step:
        raise ConfigError(
            _(
                "train.begin_step must be 0 for a run that starts with new weights. Got {step}. Leave it out; to "
                "continue a run, use 'clps runs train-on'.",
                step=config.train.begin_step,
            )
        )


def check_began(store: Store, run_id: str, parent: Run, config: RunConfig) -> None:
    """Raise ``JobError`` where the weights that were brought are of another step than ``config`` goes on from."""
    begin, before = config.train.begin_step, parent.config.train.begin_step
    step = header_facts(weights_file(store, run_id, START)).get("step")
    if begin and isinstance(step, int) and before + step != begin:
        raise JobError(
            _(
                "run {parent} has trained further in the meantime. Try again to continue from its new last step.",
                parent=parent.id,
            )
        )


def rate_sentence(parent: RunConfig, config: RunConfig) -> str:
    """What the learning rate does where ``config`` goes on from ``parent``."""
    done, end = config.train.begin_step, config.train.end_step
    before = learning_rate(done - 1, parent.train.end_step, parent.optim)
    if learning_rate(done - 1, end, config.optim) == before:
        return _(
            "The learning rate continues as if the run had been planned for {steps} steps from the start: the next "
            "rate is {rate:.3g}.",
            steps=f"{end:,}",
            rate=learning_rate(done, end, config.optim),
        )
    return _(
        "The learning rate jumps from {before:.3g} to {after:.3g}: the schedule ({schedule}) is now planned for "
        "{steps} steps.",
        before=before,
        after=learning_rate(done, end, config.optim),
        schedule=config.optim.schedule,
        steps=f"{end:,}",
    )
