"""A trained model back from a run's folder, also while the run is still going. Start at load_model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from clps_core.analysis.tensors import stored_shapes
from clps_core.config import RunConfig
from clps_core.errors import CheckpointError
from clps_core.model.transformer import Transformer, build_model
from clps_core.training.checkpoint import read, restore_weights
from clps_core.training.run_folder import read_config
from clps_core.training.saved import SEARCH_ORDER, checkpoint_path
from clps_core.words import _

__all__ = ["load_model"]

logger = logging.getLogger(__name__)

ROTATION_TRIES = 3


def load_model(folder: Path, which: Literal["best", "last", "chosen"] = "best") -> tuple[Transformer, RunConfig, int]:
    """(model in evaluation mode on the CPU, resolved config, step) of the run in ``folder``.

    ``best``: the weights with the best validation metric so far; ``last``: those of the newest
    checkpoint. Where one is missing or damaged, the next best is taken; not so for ``chosen``, which is ``best`` or
    nothing. Raises ``CheckpointError``
    where the run has no weights yet.
    """
    if which not in SEARCH_ORDER:
        raise CheckpointError(_("weights must be best or last. Got {which!r}.", which=str(which)[:40]))
    config = read_config(folder)
    # Before the model: a config may ask for any size, but only one that fits weights on the disk is built.
    shapes = stored_shapes(config.model, config.sharing)
    problems: list[str] = []
    # A run in progress may rename its files between two of our looks: look again before giving up.
    for name in SEARCH_ORDER[which] * ROTATION_TRIES:
        try:
            checkpoint = read(checkpoint_path(folder, name), shapes)
        except FileNotFoundError:
            continue
        except CheckpointError as error:
            logger.warning("%s", error)
            problems.append(str(error))
            continue
        model = build_model(config)
        restore_weights(model, checkpoint.tensors)
        model.eval()
        return model, config, checkpoint.step
    raise CheckpointError(problems[0] if problems else _("the run has no weights yet. Wait for its first checkpoint."))
