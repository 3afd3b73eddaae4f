"""How a fork begins: with its parent's weights, and if it trains on, its optimiser's state. Start at begin_with."""

from __future__ import annotations

import logging

from clps_core.errors import CheckpointError
from clps_core.training.checkpoint import Checkpoint
from clps_core.training.optimiser import Optimiser
from clps_core.words import _

__all__ = ["begin_with", "no_beginning"]

logger = logging.getLogger(__name__)


def begin_with(optimiser: Optimiser, start: Checkpoint, begin_step: int) -> None:
    """Let ``optimiser``, whose model has the weights of ``start`` already, go on from there, or begin afresh.

    ``begin_step``: the updates that its state has behind it; 0: it begins afresh. Raises ``CheckpointError`` where
    ``start`` is of another step or was made by another optimiser.
    """
    if not begin_step:
        optimiser.average_from_here()
        logger.info("%s", _("Starts with the weights that its parent had at step {step}.", step=start.step))
        return
    done = start.step + int(start.facts.get("begin_step", 0))
    if done != begin_step:
        raise CheckpointError(no_beginning(begin_step))
    optimiser.restore(start.tensors, begin_step)
    logger.info(
        "%s", _("Continues training from step {step}, with its parent's weights and optimiser.", step=begin_step)
    )


def no_beginning(begin_step: int) -> str:
    """What is said of a run that is to go on from a step that no checkpoint in its folder has."""
    return _(
        "train.begin_step must be the step of the checkpoint that the run starts with. Got {step}, and there is no "
        "such checkpoint. Leave it out, or continue a run with: clps runs train-on RUN --steps N",
        step=begin_step,
    )
