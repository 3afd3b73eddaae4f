"""A typed input before a trained run, whose attention is read while its layers are computed. Start at Look.

torch is imported when a run is opened only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.errors import ConfigError
from clps_core.inspection import kinds_of_family
from clps_core.opened import Opener, OpenRun, Which, check_length, without
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.work.answers import Answer

__all__ = ["Look", "looking", "read_maps"]


@dataclass(frozen=True)
class Look:
    """A run and a typed input; the fields are the arguments of ``inspection.inspect_run``."""

    folder: Path
    text: str
    options: Mapping[str, str] = field(default_factory=dict)
    target_text: str = ""
    which: Which = "best"
    loops: int | None = None
    left_out: tuple[str, ...] = ()


@contextmanager
def looking(look: Look, kind: str, opener: Opener) -> Iterator[OpenRun]:
    """The run of ``look``, opened. ``ConfigError`` where its model has no attention of ``kind``."""
    check_length(look.text, look.target_text, *look.options.values())
    with opener(look.folder, look.which) as run:
        if kind not in (kinds := kinds_of_family(run.config.model.family)):
            raise ConfigError(
                _("the kind of attention must be one of {kinds}. Got {kind}.", kinds=", ".join(kinds), kind=kind)
            )
        yield run


def read_maps(run: OpenRun, look: Look, kind: str, reader: Callable[[int, Tensor], None]) -> Answer:
    """The run's answer; ``reader`` is told of each executed layer's maps ``[H, Q, K]`` of ``kind``, in order."""
    from clps_core.analysis.capture import maps_read_by
    from clps_core.tasks import TASKS

    def told(its_kind: str, layer: int, maps: Tensor) -> None:
        if its_kind == kind:
            reader(layer, maps)

    options = dict(look.options)
    inputs = run.data.encode_source(look.text, options=options)
    with without(run, look.left_out, look.loops), maps_read_by(told):
        said: Answer = TASKS.work(run.config.data.task).answer(
            run, inputs, look.target_text.strip(), options, look.loops
        )
    return said
