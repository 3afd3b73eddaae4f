"""What can be asked about a trained run, one small dataclass for each kind, and the answers. Start at Question.

A new kind of question is a dataclass here, a function in ``work`` and one entry in ``kinds``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from clps_core.data.confusion import Confusion
from clps_core.depth import Quality
from clps_core.heads import RunHeads
from clps_core.inspection import Inspection
from clps_core.layer_maps import RunLayers
from clps_core.lens import RunLens
from clps_core.likeness import Likeness, Measure
from clps_core.maps import RunMaps
from clps_core.moves import RunMoves
from clps_core.opened import Which
from clps_core.patching import Patching
from clps_core.predicting import Prediction
from clps_core.serving.head_view import HeadView
from clps_core.serving.head_view import Which as Drawn
from clps_core.tie import TieProof
from clps_core.tracing import LayerTrace

__all__ = [
    "CompareLayers",
    "CountClasses",
    "DrawHeadView",
    "EvaluateDepth",
    "HeldOut",
    "HeldOutExamples",
    "InspectRun",
    "Predict",
    "ProveTie",
    "Question",
    "ReadHeads",
    "ReadLayers",
    "ReadLens",
    "ReadMaps",
    "ReadMoves",
    "ScoreTest",
    "SplitScore",
    "TraceLayer",
    "TypedExample",
]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Question(Generic[Found]):
    """About the run in ``folder``, which whoever asks has from the store's own ``run_folder``.

    ``stamp`` changes with the file of its weights: equal questions have equal answers, so that one can be kept.
    """

    folder: Path
    stamp: tuple[int, int]


@dataclass(frozen=True)
class InspectRun(Question[Inspection]):
    """See ``inspection.inspect_run``. Without ``attention`` the answer has none: it is what fills memory."""

    text: str
    options: tuple[tuple[str, str], ...] = ()
    target_text: str = ""
    which: Which = "best"
    loops: int | None = None
    attention: bool = True
    left_out: tuple[str, ...] = ()
    patching: Patching | None = None


@dataclass(frozen=True)
class ReadLens(Question[RunLens]):
    """See ``lens.lens_of_run``; without regard to ``look.attention``."""

    look: InspectRun


@dataclass(frozen=True)
class ReadMoves(Question[RunMoves]):
    """See ``moves.moves_of_run``."""

    look: InspectRun
    stack: str
    positions: tuple[int, ...] = ()


@dataclass(frozen=True)
class TraceLayer(Question[LayerTrace]):
    """See ``tracing.trace_of_run``; without regard to ``look.attention``."""

    look: InspectRun
    stack: str
    layer: int
    head: int
    position: int = -1


@dataclass(frozen=True)
class CompareLayers(Question[Likeness]):
    """See ``likeness.likeness_of_runs``; ``beside`` is the other run, ``None`` for one against itself.

    For CKA the texts of both are empty: it reads none.
    """

    look: InspectRun
    beside: InspectRun | None
    measure: Measure
    stack: str


@dataclass(frozen=True)
class ProveTie(Question[TieProof]):
    """See ``tie.tie_of_run``."""

    look: InspectRun
    site: str


@dataclass(frozen=True)
class ReadHeads(Question[RunHeads]):
    """Every head in figures, see ``heads.heads_of_run``; without regard to ``look.attention``."""

    look: InspectRun
    kind: str


@dataclass(frozen=True)
class ReadMaps(Question[RunMaps]):
    """Attention as it is shown, see ``maps``; without regard to ``look.attention``.

    With ``other`` the difference to that run, with ``layers`` that of ``layers[1:]`` to the first of them, else the
    run's own maps as ``how`` says. ``at``: row and column of the one that is wanted in full. ``exact``: as numbers,
    not as bytes, for a file.
    """

    look: InspectRun
    kind: str
    how: str = "heads"
    at: tuple[int, int] | None = None
    layers: tuple[int, ...] = ()
    other: InspectRun | None = None
    exact: bool = False


@dataclass(frozen=True)
class ReadLayers(Question[RunLayers]):
    """Layers beside each other, see ``layer_maps.maps_of_layers``; without regard to ``look.attention``."""

    look: InspectRun
    kind: str
    layers: tuple[int, ...]
    head: int | None = None
    exact: bool = False


@dataclass(frozen=True)
class EvaluateDepth(Question[Quality]):
    """See ``depth.quality_at``."""

    loops: int
    which: Which = "best"
    seconds: float | None = None


@dataclass(frozen=True)
class SplitScore:
    """Metrics of one split with the weights of ``step``, and how many ``examples`` there were, among ``metrics``."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class ScoreTest(Question[SplitScore]):
    """See ``scoring.score_folder``."""

    seconds: float | None = None


@dataclass(frozen=True)
class CountClasses(Question[Confusion]):
    """See ``scoring.count_classes``."""

    seconds: float | None = None


@dataclass(frozen=True)
class DrawHeadView(Question[HeadView]):
    """BertViz's view of one attention ``kind`` of what ``look`` finds, see ``head_view``."""

    look: InspectRun
    kind: str
    layer: int
    limit: int
    view: Drawn = "head"


@dataclass(frozen=True)
class Predict(Question[Prediction]):
    """See ``predicting.predict``. A long text is asked for in pieces: ``so_far`` are the tokens that are there."""

    text: str
    options: tuple[tuple[str, str], ...] = ()
    which: Which = "best"
    loops: int | None = None
    max_tokens: int | None = None
    so_far: tuple[int, ...] = ()
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class TypedExample:
    """A held-out input as a person would type it, see ``data.base.Example``."""

    text: str
    target_text: str | None
    options: Mapping[str, str]


@dataclass(frozen=True)
class HeldOut:
    """Examples that the run was not trained on."""

    examples: tuple[TypedExample, ...]


@dataclass(frozen=True)
class HeldOutExamples(Question[HeldOut]):
    """See ``predicting.held_out_examples``."""

    count: int
    which: Which = "best"
