"""What heads are said to do, held against heads that were built to do it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.analysis.head_names import head_names
from clps_core.analysis.heads import Summariser, summary_of
from clps_core.errors import ConfigError
from clps_core.heads import heads_of_run
from clps_core.inspection import inspect_run
from clps_core.look import Look

SIZE = 6


def uniform(*, causal: bool) -> torch.Tensor:
    seen = torch.ones(SIZE, SIZE).tril() if causal else torch.ones(SIZE, SIZE)
    return seen / seen.sum(-1, keepdim=True)


def planted(*, causal: bool) -> dict[str, torch.Tensor]:
    """Name -> a head that does just that; where there is no such key, a query looks at itself."""
    own = torch.eye(SIZE)
    previous, following, first = own.roll(-1, 1), own.roll(1, 1), torch.zeros(SIZE, SIZE)
    previous[0], following[-1] = own[0], own[-1]
    first[:, 0] = 1
    heads = {"itself": own, "previous": previous, "next": following, "first": first, "uniform": uniform(causal=causal)}
    if causal:
        del heads["next"]
    return heads


def named(maps: torch.Tensor, *, causal: bool) -> tuple[str, ...]:
    sums = Summariser(causal=causal, aligned=True)
    sums(0, maps)
    return head_names(sums.measures, sums.counted)[0]


@pytest.mark.parametrize("causal", [False, True])
def test_a_head_that_was_built_to_do_one_thing_is_called_by_it(causal: bool) -> None:
    heads = planted(causal=causal)
    maps = torch.stack(list(heads.values()))
    assert named(maps, causal=causal) == tuple(heads)
    mixed = 0.4 * heads["previous"] + 0.3 * heads["itself"] + 0.3 * heads["first"]
    assert named(mixed[None], causal=causal) == ("",), "no place has half of it, and it is not even"
    few = torch.stack([torch.eye(2), torch.eye(2).flip(0)])
    assert named(few, causal=False) == ("", ""), "two queries tell nothing"


def test_a_uniform_head_has_the_largest_entropy_and_a_pointed_one_none() -> None:
    maps = torch.stack([uniform(causal=False), torch.eye(SIZE)])
    found = summary_of(maps, causal=False)
    np.testing.assert_allclose(found["entropy"], [math.log2(SIZE), 0], atol=1e-6)
    np.testing.assert_allclose(found["entropy_share"], [1, 0], atol=1e-6)
    decoder = summary_of(uniform(causal=True)[None], causal=True)
    expected = np.mean([math.log2(seen) for seen in range(2, SIZE + 1)])
    np.testing.assert_allclose(decoder["entropy"], [expected], rtol=1e-6)
    np.testing.assert_allclose(decoder["entropy_share"], [1], rtol=1e-6)


def test_every_figure_is_its_definition() -> None:
    maps = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(SIZE), (3, SIZE))).float()
    found, rows = summary_of(maps, causal=False), maps.numpy().astype(np.float64)
    places = np.arange(SIZE)
    expected = {
        "distance": (rows * abs(places[:, None] - places)).sum(-1).mean(-1),
        "itself": np.stack([one.diagonal().mean() for one in rows]),
        "previous": np.stack([one.diagonal(-1).mean() for one in rows]),
        "next": np.stack([one.diagonal(1).mean() for one in rows]),
        "first": rows[:, 1:, 0].mean(-1),
        "entropy": -(rows * np.log2(rows)).sum(-1).mean(-1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)


def test_padding_counts_neither_as_query_nor_as_key() -> None:
    whole = torch.stack(list(planted(causal=False).values()))
    padded = torch.zeros(len(whole), SIZE + 2, SIZE + 2)
    padded[:, :SIZE, :SIZE] = whole
    padded[:, SIZE:, 0] = 1
    real = torch.arange(SIZE + 2) < SIZE
    found = summary_of(padded, causal=False, real=real, real_keys=real)
    for name, values in summary_of(whole, causal=False).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)


def test_one_token_has_no_figure_that_needs_two() -> None:
    found = summary_of(torch.ones(2, 1, 1), causal=True)
    assert found["itself"].tolist() == [1, 1]
    assert found["entropy"].tolist() == [0, 0]
    assert all(np.isnan(found[name]).all() for name in ("entropy_share", "previous", "first"))


def test_a_run_is_summed_up_as_its_attention_says(tmp_path: Path) -> None:
    folder, options = untrained_run(tmp_path, small_config(num_layers=2)), {"language": "de"}
    answer = inspect_run(Look(folder, "May 3", options=options))
    for kind, attention in answer.attention.items():
        found = heads_of_run(Look(folder, "May 3", options), kind)
        for layer, maps in enumerate(attention):
            row = summary_of(torch.from_numpy(maps), causal=kind == "decoder", aligned=kind != "cross")
            assert set(row) == set(found.measures)
            for name, values in row.items():
                np.testing.assert_array_equal(found.measures[name][layer], values)
        assert (found.queries, found.keys) == tuple(map(len, answer.labels(kind)))
        assert found.groups == answer.groups[kind]
        assert ("distance" in found.measures) == (kind != "cross"), "positions of two texts have no distance"


def test_a_kind_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be one of encoder"):
        heads_of_run(Look(untrained_run(tmp_path, small_config("digits")), "5"), "cross")
