"""What goes wrong in training, as sentences that say what to change. Start at memory_errors_explained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from clps_core.config import RunConfig
from clps_core.errors import TrainingError
from clps_core.words import _

__all__ = ["divergence", "memory_errors_explained", "not_finite"]

OUT_OF_MEMORY = ("not enough memory", "allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""What the system's allocator, CUDA outside of torch's allocator (a process's first memory there, pinned memory) and
its libraries say; none of these is a ``torch.OutOfMemoryError``."""


def not_finite(config: RunConfig, step: int, problem: str) -> TrainingError:
    """The error of a run whose numbers have blown up."""
    optim = config.optim
    return TrainingError(
        _(
            "the run diverged: a value was not finite. At step {step} {problem}. Lower learning_rate ({rate:g}) or "
            "clip_norm ({clip:g}), or raise warmup_steps ({warmup}).",
            step=step,
            problem=problem,
            rate=optim.learning_rate,
            clip=optim.clip_norm,
            warmup=optim.warmup_steps,
        )
    )


def divergence(config: RunConfig, loss: float, untrained: float, constant: float) -> str:
    """What to say of a run that ended with a validation ``loss`` above the others (in nats)."""
    return _(
        "Diverged: the validation loss ended at {loss:.3g}. Before training it was {untrained:.3g}, and the baseline "
        "has {constant:.3g}. Lower learning_rate ({rate:g}).",
        loss=loss,
        untrained=untrained,
        constant=constant,
        rate=config.optim.learning_rate,
    )


@contextlib.contextmanager
def memory_errors_explained(config: RunConfig, device: str = "cpu") -> Iterator[None]:
    """Turn "out of memory" on ``device`` into a sentence that names the sizes to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        raise TrainingError(_out_of_memory(config, device)) from error


def _out_of_memory(config: RunConfig, device: str) -> str:
    if device == "cuda":
        what = _("the run does not fit into the free memory of the GPU.")
    else:
        what = _("the run does not fit into memory.")
    advice = _(
        "Lower batch_size ({batch_size}), d_model ({d_model}) or num_layers ({num_layers}).",
        batch_size=config.train.batch_size,
        d_model=config.model.d_model,
        num_layers=config.model.num_layers,
    )
    if config.data.seq_len:  # of a language model; other tasks' inputs are as long as they are
        advice = _(
            "Lower batch_size ({batch_size}), d_model ({d_model}), num_layers ({num_layers}) or seq_len ({seq_len}).",
            batch_size=config.train.batch_size,
            d_model=config.model.d_model,
            num_layers=config.model.num_layers,
            seq_len=config.data.seq_len,
        )
    return _("{what} {advice}", what=what, advice=advice)
