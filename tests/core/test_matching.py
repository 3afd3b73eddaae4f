"""A match is the nearest design that its dials can give."""

import json
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from clps_core import api
from clps_core.analysis.counts import count
from clps_core.analysis.nearest import nearest_value
from clps_core.cli import app
from clps_core.config import RunConfig, build_config, resolve, validated
from clps_core.errors import ConfigError
from clps_core.matching import counted_model, match
from clps_core.schemes import SCHEMES
from clps_core.store import open_store


def test_all_is_widened_until_it_stores_what_none_stores() -> None:
    found = match(build_config({}), "all")
    assert found.config.model.d_model > found.original.model.d_model
    assert found.config.model.d_model % found.config.model.num_heads == 0
    assert abs(found.part) < 0.001
    assert found.problem is None
    assert resolve(found.config).config.sharing.strategy == "all"


def test_steps_end_at_the_same_operations() -> None:
    found = match(build_config({}), "all,lora=4", "flops")
    assert {change.field for change in found.changes} == {"sharing.strategy", "train.steps", "optim.warmup_steps"}
    assert abs(found.missed) <= found.got // found.config.train.steps


def test_what_depth_cannot_reach_is_told() -> None:
    assert "cannot have" in (match(build_config({}), "all", change=["depth"]).problem or "")


def test_steps_store_nothing() -> None:
    with pytest.raises(ConfigError, match="depth, width, d_ff"):
        match(build_config({}), "all", "parameters", ["steps"])


@pytest.mark.parametrize("target", [-3, 0, 7, 24, 25, 100])
@pytest.mark.parametrize("current", [1, 9, 40])
def test_nearest_is_that_of_a_search_over_all_values(target: int, current: int) -> None:
    grid = range(1, 41)

    def figure(value: int) -> int:
        return value // 3 * 4  # values of one figure

    fitting = [value for value in grid if figure(value) is not None]
    best = min(fitting, key=lambda value: (abs((figure(value) or 0) - target), abs(value - current), value))
    assert nearest_value(grid, figure, target, current) == best


TASK_OF = {"encoder_decoder": "dates", "decoder": "python-docs", "encoder": "digits"}


@pytest.mark.parametrize("dial", ["width", "depth"])
@pytest.mark.parametrize("name", [name for name, scheme in SCHEMES.items() if scheme.strategy != "custom"])
def test_every_scheme_is_matched_as_by_a_search_over_all_values(name: str, dial: str) -> None:
    scheme = SCHEMES[name]
    width = max(24, scheme.sizes.get("embedding_size", 0))
    config = build_config(
        {
            "data": {"task": TASK_OF[scheme.family]},
            "model": {"num_layers": 4, "d_model": width, "num_heads": 4, "d_ff": 2 * width},
        }
    )
    found = match(config, name, change=[dial])
    last = 12 if dial == "depth" else found.config.model.d_model + 12
    stored = {}
    for value in range(1, last + 1) if dial == "depth" else range(4, last + 1, 4):
        sizes = {"num_layers": value} if dial == "depth" else {"d_model": value, "d_ff": 2 * value}
        try:
            model = type(config.model).model_validate({**counted_model(config).model_dump(), **scheme.sizes, **sizes})
            stored[value] = count(model, found.config.sharing).unique_parameters
        except (ConfigError, ValueError):
            continue
    if dial == "depth":  # the match may lie beyond what is searched here, and is then nearer
        stored[found.config.model.num_layers] = found.got
    current = 4 if dial == "depth" else width
    best = min(stored, key=lambda value: (abs(stored[value] - found.target), abs(value - current), value))
    assert (found.config.model.num_layers if dial == "depth" else found.config.model.d_model) == best


def test_the_command_and_the_api_say_what_the_match_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    with closing(open_store()) as store:
        comparison = store.create_comparison("one", [resolve(build_config({"data": {"task": "hops"}}))])
        (run,) = store.runs(comparison=comparison)
    found = api.match(run.id, "all")
    assert (found.config.seed, found.config.data) == (run.config.seed, run.config.data)
    done = CliRunner().invoke(app, ["match", run.id, "--scheme", "all", "--yaml"])
    assert done.exit_code == 0, done.output
    assert validated(RunConfig, yaml.safe_load(done.stdout)) == found.config
    plain = json.loads(CliRunner().invoke(app, ["match", run.id, "--scheme", "all", "--json"]).stdout)
    assert (plain["target"], plain["got"]) == (found.target, found.got)
    bad = CliRunner().invoke(app, ["match", run.id, "--scheme", "all", "--as", "<b>"])
    assert bad.exit_code == 2
    assert "--as must be one of parameters, flops, kv_cache. Got <b>." in " ".join(bad.output.split())
