"""Which kinds of questions there are, what answers them, and what their answers are. No torch. Start at KINDS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from clps_core.data.confusion import Confusion
from clps_core.depth import Quality
from clps_core.heads import RunHeads
from clps_core.inspection import Inspection
from clps_core.layer_maps import RunLayers
from clps_core.lens import RunLens
from clps_core.likeness import Likeness
from clps_core.maps import RunMaps
from clps_core.moves import RunMoves
from clps_core.predicting import Prediction
from clps_core.serving.head_view import HeadView
from clps_core.serving.questions import (
    CompareLayers,
    CountClasses,
    DrawHeadView,
    EvaluateDepth,
    HeldOut,
    HeldOutExamples,
    InspectRun,
    Predict,
    ProveTie,
    Question,
    ReadHeads,
    ReadLayers,
    ReadLens,
    ReadMaps,
    ReadMoves,
    ScoreTest,
    SplitScore,
    TraceLayer,
)
from clps_core.tie import TieProof
from clps_core.tracing import LayerTrace

__all__ = ["KINDS", "Kind", "kinds_in", "registry"]


@dataclass(frozen=True)
class Kind:
    """``work`` is ``module:function``; the model process imports it and calls it with a question and its open models.

    ``answer`` is what the function returns: a dataclass.
    """

    question: type[Question[Any]]
    answer: type
    work: str

    @property
    def name(self) -> str:
        """How it is called on the wire."""
        return self.question.__name__

    def function(self) -> Callable[[Any, Any], Any]:
        """What answers it; imports its module."""
        module, _colon, name = self.work.partition(":")
        found: Callable[[Any, Any], Any] = getattr(import_module(module), name)
        return found


def registry(kinds: Iterable[Kind]) -> Mapping[str, Kind]:
    """Name -> kind."""
    return {kind.name: kind for kind in kinds}


KINDS = registry(
    [
        Kind(InspectRun, Inspection, "clps_core.serving.work:inspect"),
        Kind(ReadLens, RunLens, "clps_core.serving.work:read_lens"),
        Kind(ReadMoves, RunMoves, "clps_core.serving.work:read_moves"),
        Kind(TraceLayer, LayerTrace, "clps_core.serving.work:trace_layer"),
        Kind(CompareLayers, Likeness, "clps_core.serving.work:compare_layers"),
        Kind(ProveTie, TieProof, "clps_core.serving.work:prove_tie"),
        Kind(ReadHeads, RunHeads, "clps_core.serving.work:read_heads"),
        Kind(ReadMaps, RunMaps, "clps_core.serving.work:read_maps"),
        Kind(ReadLayers, RunLayers, "clps_core.serving.work:read_layers"),
        Kind(EvaluateDepth, Quality, "clps_core.serving.work:evaluate_depth"),
        Kind(ScoreTest, SplitScore, "clps_core.serving.work:score_test"),
        Kind(CountClasses, Confusion, "clps_core.serving.work:count_confused"),
        Kind(DrawHeadView, HeadView, "clps_core.serving.work:draw_head_view"),
        Kind(Predict, Prediction, "clps_core.serving.work:predict_text"),
        Kind(HeldOutExamples, HeldOut, "clps_core.serving.work:read_examples"),
    ]
)


def kinds_in(module: str) -> Mapping[str, Kind]:
    """The ``KINDS`` of a module: both sides read the same one."""
    found: Mapping[str, Kind] = import_module(module).KINDS
    return found
