"""What the model process says about real runs is what the engine says in one's own process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from untrained_runs import small_config, untrained_run

from clps_core.config import RunConfig
from clps_core.depth import quality_at
from clps_core.errors import CheckpointError, ConfigError, DataError
from clps_core.heads import heads_of_run
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.maps import apart_in_layers, apart_in_runs, maps_of_run
from clps_core.model.generate import Sampling
from clps_core.opened import OpenRun
from clps_core.predicting import held_out_examples, predict
from clps_core.scoring import score_folder
from clps_core.serving import (
    DrawHeadView,
    EvaluateDepth,
    HeldOutExamples,
    InspectRun,
    ModelService,
    Predict,
    ReadHeads,
    ReadMaps,
    ScoreTest,
    Settings,
    TraceLayer,
)
from clps_core.serving.head_view import head_view
from clps_core.serving.kept_models import MOST_MODELS, KeptModels
from clps_core.tracing import trace_of_run
from clps_core.training.checkpoint import checkpoint_path

STAMP = (1, 1)


@pytest.fixture(scope="module")
def service() -> Iterator[ModelService]:
    found = ModelService(Settings.of({}))
    yield found
    found.close()


def quick(task: str, strategy: str = "cycle:2") -> RunConfig:
    config = small_config(task, strategy)
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 8, "test_examples": 8})})


@pytest.mark.filterwarnings("ignore:.*head_view.js:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("task", "text", "options"),
    [("dates", "May 3, 1990", (("language", "fr"),)), ("digits", "5", ())],
)
def test_every_kind_of_answer_is_what_the_engine_gives(
    service: ModelService, tmp_path: Path, task: str, text: str, options: tuple[tuple[str, str], ...]
) -> None:
    folder = untrained_run(tmp_path, quick(task))
    look = InspectRun(folder, STAMP, text, options, loops=3)
    for asked in (look, replace(look, stamp=(2, 2))):  # read from the disk, and kept
        found, expected = service.ask(asked), inspect_run(Look(folder, text, options=dict(options), loops=3))
        assert found.attention.keys() == expected.attention.keys()
        assert all(np.array_equal(found.attention[kind], expected.attention[kind]) for kind in expected.attention)
        assert (found.image is None) == (expected.image is None)
        assert replace(found, attention={}, image=None) == replace(expected, attention={}, image=None)
    assert service.ask(replace(look, attention=False)).attention == {}
    quality = service.ask(EvaluateDepth(folder, STAMP, 3))
    assert replace(quality, seconds=0) == replace(quality_at(folder, 3), seconds=0)
    score = service.ask(ScoreTest(folder, STAMP))
    assert (score.step, dict(score.metrics)) == score_folder(folder)
    said = service.ask(Predict(folder, STAMP, text, options, max_tokens=3, temperature=1.0, seed=2))
    drawn_as = Sampling(1.0, seed=2)
    wanted = predict(folder, [text], options=dict(options), max_tokens=3, sampling=drawn_as)[0]
    assert said == wanted
    assert (said.image is None) == (wanted.image is None)
    told = service.ask(HeldOutExamples(folder, STAMP, 3)).examples
    assert [(one.text, one.target_text, one.options) for one in told] == [
        (one.text, one.target_text, dict(one.options)) for one in held_out_examples(folder, 3)
    ]
    kind = next(iter(expected.attention))
    sums, own = service.ask(ReadHeads(folder, STAMP, look, kind)), Look(folder, text, dict(options), loops=3)
    assert sums.names == heads_of_run(own, kind).names
    traced = service.ask(TraceLayer(folder, STAMP, look, kind, 1, 1, 2))
    wanted_trace = trace_of_run(own, stack=kind, layer=1, head=1, position=2)
    assert (traced.labels, traced.ran, traced.same) == (wanted_trace.labels, wanted_trace.ran, wanted_trace.same)
    for name in ("query", "keys", "scores", "weights", "mixed", "hidden", "leaves"):
        assert np.array_equal(getattr(traced, name), getattr(wanted_trace, name))
    asked_maps = {
        ReadMaps(folder, STAMP, look, kind, "rollout"): maps_of_run(own, kind, "rollout"),
        ReadMaps(folder, STAMP, look, kind, at=(1, 0)): maps_of_run(own, kind, at=(1, 0)),
        ReadMaps(folder, STAMP, look, kind, layers=(0, 1)): apart_in_layers(own, kind, (0, 1)),
        ReadMaps(folder, STAMP, look, kind, other=look): apart_in_runs(own, own, kind),
    }
    for question, wanted_maps in asked_maps.items():
        assert np.array_equal(service.ask(question).full, wanted_maps.full)
    drawn = [service.ask(DrawHeadView(folder, STAMP, look, kind, 1, 5)), head_view(expected, kind, layer=1, limit=5)]
    views = [json.loads(one.data) for one in drawn]
    assert views[0] | {"root_div_id": ""} == views[1] | {"root_div_id": ""}, "the name of a frame is drawn at random"


def test_what_the_engine_refuses_comes_back_as_its_own_sentence(service: ModelService, tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "whole", quick("dates"))
    with pytest.raises(DataError, match="Shorten it"):
        service.ask(InspectRun(folder, STAMP, "May " * 60))
    with pytest.raises(ConfigError, match="loops must be from 1"):
        service.ask(EvaluateDepth(folder, STAMP, 0))
    piped = untrained_run(tmp_path / "piped", quick("dates"))
    for name in ("last", "best"):
        checkpoint_path(piped, name).unlink()
    os.mkfifo(checkpoint_path(piped, "best"))
    with pytest.raises(CheckpointError, match="it is not a regular file"):
        service.ask(InspectRun(piped, STAMP, "May 3"))
    assert service.facts().crashes == 0


# Opened models that are kept


def opened(models: KeptModels, folder: Path) -> OpenRun:
    with models.opened(folder) as run:
        return run


def test_a_run_is_read_again_only_when_one_of_its_files_has_changed(tmp_path: Path) -> None:
    models = KeptModels(10**9)
    folder = untrained_run(tmp_path, quick("digits"), step=1)
    first = opened(models, folder)
    assert opened(models, folder) is first
    untrained_run(folder, quick("digits"), step=2)
    second = opened(models, folder)
    assert (first.step, second.step) == (1, 2)
    assert opened(models, folder) is second
    checkpoint_path(folder, "best").unlink()
    assert opened(models, folder) is not second


def test_kept_models_are_bounded_in_number_and_bytes(tmp_path: Path) -> None:
    folders = [untrained_run(tmp_path / str(number), quick("digits")) for number in range(MOST_MODELS + 1)]
    models = KeptModels(10**9)
    first = [opened(models, folder) for folder in folders]
    again = [opened(models, folder) is run for folder, run in reversed(list(zip(folders, first, strict=True)))]
    assert again == [True] * MOST_MODELS + [False]
    size = sum(one.numel() * one.element_size() for one in first[0].model.parameters())
    one_alone = KeptModels(2 * size - 1)
    kept = [opened(one_alone, folder) for folder in folders[:2]]
    assert opened(one_alone, folders[1]) is kept[1]
    assert opened(one_alone, folders[0]) is not kept[0]
    none = KeptModels(size - 1)
    assert opened(none, folders[0]) is not opened(none, folders[0])
