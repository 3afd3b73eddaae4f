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
from clps_core.opened import Opener, OpenRun, Which, check_length
from clps_core.patching import Asked, Patching, changed
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.work.answers import Answer

__all__ = ["Look", "looked_at", "looking", "read_maps"]


@dataclass(frozen=True)
class Look:
    """A run and a typed input; the fields are the arguments of ``inspection.inspect_run``."""

    folder: Path
    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    target_text: str = ""
    which: Which = "best"
    loops: int | None = None
    left_out: tuple[str, ...] = ()
    patching: Patching | None = None


@contextmanager
def looking(look: Look, kind: str, opener: Opener) -> Iterator[Asked]:
    """The input of ``look`` before its run, which is opened and changed as ``look`` says as long as the context lasts.

    Raises ``ConfigError`` where its model has no attention of ``kind``, and what ``patching.changed`` raises.
    """
    check_length(look.text, look.target_text, *look.options.values())
    with opener(look.folder, look.which) as run:
        if kind not in (kinds := kinds_of_family(run.config.model.family)):
            raise ConfigError(
                _("the kind of attention must be one of {kinds}. Got {kind}.", kinds=", ".join(kinds), kind=kind)
            )
        with looked_at(run, look, opener) as asked:
            yield asked


@contextmanager
def looked_at(run: OpenRun, look: Look, opener: Opener) -> Iterator[Asked]:
    """The same of a ``run`` that is open already."""
    options = dict(look.options)
    inputs = run.data.encode_source(look.text, options=options)
    asked = Asked(run, look.text, inputs, look.target_text.strip(), options, look.loops)
    with changed(asked, look.left_out, look.patching, opener):
        yield asked


def read_maps(asked: Asked, kind: str, reader: Callable[[int, Tensor], None]) -> Answer:
    """The run's answer; ``reader`` is told of each executed layer's maps ``[H, Q, K]`` of ``kind``, in order."""
    from clps_core.analysis.capture import maps_read_by

    def told(its_kind: str, layer: int, maps: Tensor) -> None:
        if its_kind == kind:
            reader(layer, maps)

    with maps_read_by(told):
        return asked.answer()
