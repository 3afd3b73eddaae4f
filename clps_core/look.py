"""A trained run and an input: the one argument of all that looks inside. Start at Look.

torch is imported when a run is opened only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.errors import ConfigError
from clps_core.opened import Opener, OpenRun, Which, check_length
from clps_core.patching import Asked, Patching, changed
from clps_core.sharing.shared_with import kinds_of_family
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.work.answers import Answer

__all__ = ["Look", "asked_of", "looked_at", "looking", "open_look", "read_maps"]


@dataclass(frozen=True)
class Look:
    """A run, an input, and how the run is looked into.

    ``folder``: the run's. ``text``: the input, with the task's ``options`` (such as the target language). The decoder
    of an encoder-decoder sees ``target_text`` if given, else the model's own greedy answer. ``which``: weights.
    ``loops``: how often the core runs, as in training by default. ``left_out``: parts that add nothing or less, and
    executions that are swapped (``analysis.edits``). ``patching``: what is taken from another pass.

    What looks inside answers on the CPU with one thread. It raises ``CheckpointError`` where there are no weights yet,
    ``DataError`` for an empty or too long text or one that the task cannot read, and ``ConfigError`` for loops or parts
    that cannot be.
    """

    folder: Path
    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    target_text: str = ""
    which: Which = "best"
    loops: int | None = None
    left_out: Sequence[str] = ()
    patching: Patching | None = None

    def check_length(self) -> None:
        """Refuse texts beyond all use before anything is loaded for them."""
        check_length(self.text, self.target_text, *self.options.values())


@contextmanager
def open_look(look: Look, opener: Opener) -> Iterator[OpenRun]:
    """The run of ``look``, without its changes."""
    look.check_length()
    with opener(look.folder, look.which) as run:
        yield run


def asked_of(run: OpenRun, look: Look) -> Asked:
    """The input of ``look`` before ``run``, which is open already."""
    options = dict(look.options)
    inputs = run.data.encode_source(look.text, options=options)
    return Asked(run, look.text, inputs, look.target_text.strip(), options, look.loops)


@contextmanager
def looked_at(run: OpenRun, look: Look, opener: Opener) -> Iterator[Asked]:
    """The same, with ``run`` changed as ``look`` says as long as the context lasts; raises as ``patching.changed``."""
    asked = asked_of(run, look)
    with changed(asked, look.left_out, look.patching, opener):
        yield asked


@contextmanager
def looking(look: Look, kind: str, opener: Opener) -> Iterator[Asked]:
    """The same with the run opened; ``ConfigError`` where its model has no attention of ``kind``."""
    with open_look(look, opener) as run:
        if kind not in (kinds := kinds_of_family(run.config.model.family)):
            raise ConfigError(
                _("the kind of attention must be one of {kinds}. Got {kind}.", kinds=", ".join(kinds), kind=kind)
            )
        with looked_at(run, look, opener) as asked:
            yield asked


def read_maps(asked: Asked, kind: str, reader: Callable[[int, Tensor], None]) -> Answer:
    """The run's answer; ``reader`` is told of each executed layer's maps ``[H, Q, K]`` of ``kind``, in order."""
    from clps_core.analysis.capture import maps_read_by

    def told(its_kind: str, layer: int, maps: Tensor) -> None:
        if its_kind == kind:
            reader(layer, maps)

    with maps_read_by(told):
        return asked.answer()
