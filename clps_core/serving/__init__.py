"""The model service: questions about trained models, answered outside of the dashboard's own process.

``ModelService`` is what the dashboard has: one queue, one model process behind it, and its answers. Neither it nor
anything that it imports needs torch; only ``work`` does, which the model process alone imports.
"""

from clps_core.serving.questions import (
    CompareLayers,
    CountClasses,
    DrawHeadView,
    EvaluateDepth,
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
    TraceLayer,
)
from clps_core.serving.service import ModelService
from clps_core.serving.settings import Settings

__all__ = [
    "CompareLayers",
    "CountClasses",
    "DrawHeadView",
    "EvaluateDepth",
    "HeldOutExamples",
    "InspectRun",
    "ModelService",
    "Predict",
    "ProveTie",
    "Question",
    "ReadHeads",
    "ReadLayers",
    "ReadLens",
    "ReadMaps",
    "ReadMoves",
    "ScoreTest",
    "Settings",
    "TraceLayer",
]
