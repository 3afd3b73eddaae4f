"""What the model process does for each kind of question. The only module of the service that needs torch."""

from __future__ import annotations

from dataclasses import replace

import torch

from clps_core.analysis.capture import maps_read_by
from clps_core.data.confusion import Confusion
from clps_core.depth import Quality, quality_at
from clps_core.heads import RunHeads, heads_of_run
from clps_core.inspection import Inspection, inspect_run
from clps_core.layer_maps import RunLayers, maps_of_layers
from clps_core.lens import RunLens, lens_of_run
from clps_core.likeness import Likeness, likeness_of_runs
from clps_core.look import Look
from clps_core.maps import RunMaps, apart_in_layers, apart_in_runs, maps_of_run
from clps_core.model.generate import Sampling
from clps_core.moves import RunMoves, moves_of_run
from clps_core.predicting import Prediction, held_out_examples, predict
from clps_core.scoring import count_classes, score_folder
from clps_core.serving.head_view import HeadView, head_view
from clps_core.serving.kept_models import KeptModels
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
    ReadHeads,
    ReadLayers,
    ReadLens,
    ReadMaps,
    ReadMoves,
    ScoreTest,
    SplitScore,
    TraceLayer,
    TypedExample,
)
from clps_core.tie import TieProof, tie_of_run
from clps_core.tracing import LayerTrace, trace_of_run

__all__ = [
    "compare_layers",
    "count_confused",
    "draw_head_view",
    "evaluate_depth",
    "inspect",
    "predict_text",
    "prove_tie",
    "read_examples",
    "read_heads",
    "read_layers",
    "read_lens",
    "read_maps",
    "read_moves",
    "score_test",
    "trace_layer",
]

torch.set_num_threads(1)  # as ``opened.one_thread``, for what is done outside of it


def inspect(asked: InspectRun, models: KeptModels) -> Inspection:
    """The run's answer to a text, with its attention where that is asked for."""
    return inspect_run(_look(asked), attention=asked.attention, opener=models.opened)


def read_lens(asked: ReadLens, models: KeptModels) -> RunLens:
    """The run's answer to a text after each of its layers."""
    return lens_of_run(_look(asked.look), opener=models.opened)


def read_moves(asked: ReadMoves, models: KeptModels) -> RunMoves:
    """How an input moves through the run's layers."""
    return moves_of_run(_look(asked.look), stack=asked.stack, positions=asked.positions, opener=models.opened)


def trace_layer(asked: TraceLayer, models: KeptModels) -> LayerTrace:
    """One position of an input, step by step through one layer."""
    stack, layer, head, position = asked.stack, asked.layer, asked.head, asked.position
    return trace_of_run(_look(asked.look), stack=stack, layer=layer, head=head, position=position, opener=models.opened)


def compare_layers(asked: CompareLayers, models: KeptModels) -> Likeness:
    """How alike its layers are, to each other or to those of another run."""
    look, beside = asked.look, asked.beside
    return likeness_of_runs(
        _look(look),
        None if beside is None else _look(beside),
        asked.measure,
        stack=asked.stack,
        opener=models.opened,
    )


def prove_tie(asked: ProveTie, models: KeptModels) -> TieProof:
    """That the uses of a weight are one, and how its gradient is their sum."""
    return tie_of_run(_look(asked.look), site=asked.site, opener=models.opened)


def read_heads(asked: ReadHeads, models: KeptModels) -> RunHeads:
    """Figures of each head."""
    return heads_of_run(_look(asked.look), asked.kind, opener=models.opened)


def read_maps(asked: ReadMaps, models: KeptModels) -> RunMaps:
    """Attention as it is shown."""
    look, at, exact = _look(asked.look), asked.at, asked.exact
    if asked.other is not None:
        beside = _look(asked.other)
        return apart_in_runs(look, beside, asked.kind, at=at, exact=exact, opener=models.opened)
    if asked.layers:
        return apart_in_layers(look, asked.kind, asked.layers, at=at, exact=exact, opener=models.opened)
    return maps_of_run(look, asked.kind, asked.how, at=at, exact=exact, opener=models.opened)


def read_layers(asked: ReadLayers, models: KeptModels) -> RunLayers:
    """Layers beside each other, head by head."""
    look, head, exact = _look(asked.look), asked.head, asked.exact
    return maps_of_layers(look, asked.kind, asked.layers, head=head, exact=exact, opener=models.opened)


def _look(asked: InspectRun) -> Look:
    given = asked.text, dict(asked.options), asked.target_text, asked.which, asked.loops, asked.left_out, asked.patching
    return Look(asked.folder, *given)


def evaluate_depth(asked: EvaluateDepth, models: KeptModels) -> Quality:
    """Its validation metrics at a number of loops."""
    return quality_at(asked.folder, asked.loops, seconds=asked.seconds, which=asked.which, opener=models.opened)


def score_test(asked: ScoreTest, _models: KeptModels) -> SplitScore:
    """Its metrics on the test split, from weights that are read for it alone."""
    return SplitScore(*score_folder(asked.folder, seconds=asked.seconds))


def count_confused(asked: CountClasses, _models: KeptModels) -> Confusion:
    """Which classes it confuses on the test split."""
    return count_classes(asked.folder, seconds=asked.seconds)


def draw_head_view(asked: DrawHeadView, models: KeptModels) -> HeadView:
    """BertViz's view of what ``inspect`` finds; of each layer only what the view shows is kept."""
    cut: dict[str, list[torch.Tensor]] = {}

    def keep(kind: str, _layer: int, maps: torch.Tensor) -> None:
        cut.setdefault(kind, []).append(maps[:, : asked.limit, : asked.limit].clone())

    with maps_read_by(keep):
        found = inspect(replace(asked.look, attention=True), models)
    attention = {kind: torch.stack(layers).numpy() for kind, layers in cut.items()}
    answer = replace(found, attention=attention)
    return head_view(answer, asked.kind, layer=asked.layer, limit=asked.limit, which=asked.view)


def predict_text(asked: Predict, models: KeptModels) -> Prediction:
    """What the run answers to a text."""
    return predict(
        asked.folder,
        [asked.text],
        options=dict(asked.options),
        sampling=Sampling(asked.temperature, asked.top_k, asked.top_p, asked.seed),
        loops=asked.loops,
        max_tokens=asked.max_tokens,
        so_far=asked.so_far,
        which=asked.which,
        opener=models.opened,
    )[0]


def read_examples(asked: HeldOutExamples, models: KeptModels) -> HeldOut:
    """Held-out examples of the run's data."""
    found = held_out_examples(asked.folder, asked.count, which=asked.which, opener=models.opened)
    return HeldOut(tuple(TypedExample(one.text, one.target_text, dict(one.options)) for one in found))
