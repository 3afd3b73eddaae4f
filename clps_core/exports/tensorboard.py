"""Curves as event files that TensorBoard reads. Start at write_events.

The package tensorboardX writes them. It comes with the extra ``clps-lab[tensorboard]`` and is imported when it is asked
for only; it needs numpy, packaging and protobuf, where the package tensorboard brings a server along.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from clps_core.errors import ConfigError, StoreError
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["write_events"]


def write_events(store: Store, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write the curves of ``runs``, a folder each in ``folder``, called by the run's id; returns these folders.

    Tags are ``validation/accuracy``; the wall time of a point is the start of the run and its seconds of training.
    Values that are no finite number are left out. Raises ``ConfigError`` where tensorboardX is not installed,
    ``StoreError`` where a folder is there already.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise ConfigError(
            _(
                "writing files for TensorBoard needs tensorboardX, which is not installed. Install it: pip install "
                "'clps-lab[tensorboard]'"
            )
        ) from None
    places = [folder / run.id for run in runs]
    for place in places:
        if place.exists():
            raise StoreError(_("an export must not overwrite anything. {path} already exists.", path=place))
    for run, place in zip(runs, places, strict=True):
        begun = run.started_at or run.created_at
        with SummaryWriter(logdir=str(place), write_to_disk=True) as writer:
            for curve in sorted(store.latest([run.id]).get(run.id, {})):
                split, _dot, name = curve.partition(".")
                for point in store.curve(run.id, split, name):
                    if math.isfinite(point.value):
                        writer.add_scalar(f"{split}/{name}", point.value, point.step, walltime=begun + point.seconds)
    return places
