"""A match is the nearest design that its dials can give."""

import json
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from clps_core import api
from clps_core.analysis.counts import Counts, count
from clps_core.analysis.nearest import nearest_value
from clps_core.analysis.steps import tokens_per_step
from clps_core.cli import app
from clps_core.config import ModelConfig, RunConfig, SharingConfig, build_config, resolve, validated
from clps_core.errors import ConfigError
from clps_core.matching import CHANGES, Dial, Limits, Point, counted_model, grid_of, match, turned
from clps_core.matching.fitting import fitting, plan_at
from clps_core.schemes import SCHEMES
from clps_core.sharing import parse_strategy
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


def own_map(layers: int) -> str:
    """A custom map, whose card names no strategy: one number for each layer, so that depth cannot change."""
    return "-".join(str(layer % 4 % 3) for layer in range(layers))


def small(name: str, layers: int, width: int, **sizes: object) -> RunConfig:
    """A design without sharing, for the scheme ``name``."""
    scheme = SCHEMES[name]
    width = max(width, scheme.sizes.get("embedding_size", 0))
    model = {"num_layers": layers, "d_model": width, "num_heads": 4, "d_ff": 2 * width, **sizes}
    return build_config({"data": {"task": TASK_OF[scheme.family]}, "model": model, "train": {"steps": 300}})


class Scan:
    """The figures of a scheme at values of a dial, each counted in full."""

    def __init__(self, config: RunConfig, name: str, strategy: str) -> None:
        self.model = {**counted_model(config).model_dump(), **SCHEMES[name].sizes}
        self.sharing = SharingConfig(strategy=strategy)
        self.tokens = tokens_per_step(config.model_copy(update={"model": counted_model(config)}))
        self.steps = config.train.steps
        self.known: dict[tuple[str, int], Counts | None] = {}

    def counts(self, dial: str, value: int) -> Counts | None:
        """``None`` where the scheme does not fit."""
        sizes = {
            "depth": {"num_layers": value},
            "width": {"d_model": value, "d_ff": (2 * self.model["d_ff"] * value // self.model["d_model"] + 1) // 2},
            "d_ff": {"d_ff": value},
            "steps": {},
        }[dial]
        key = (dial, 0 if dial == "steps" else value)
        if key not in self.known:
            try:
                self.known[key] = count(validated(ModelConfig, {**self.model, **sizes}), self.sharing)
            except ConfigError:
                self.known[key] = None
        return self.known[key]

    def figure(self, measure: str, dial: str, value: int) -> int | None:
        counts = self.counts(dial, value)
        if counts is None:
            return None
        flops = counts.train_flops_per_token * self.tokens * (value if dial == "steps" else self.steps)
        return {"parameters": counts.unique_parameters, "flops": flops, "kv_cache": counts.kv_cache_bytes_per_token}[
            measure
        ]

    def nearest(self, measure: str, dial: str, values: Iterable[int], target: int, current: int) -> int | None:
        found = {value: there for value in values if (there := self.figure(measure, dial, value)) is not None}
        return min(found, key=lambda at: (abs(found[at] - target), abs(at - current), at), default=None)


def where(dial: str, config: RunConfig) -> int:
    """Where a dial stands."""
    model = config.model
    return {"depth": model.num_layers, "width": model.d_model, "d_ff": model.d_ff, "steps": config.train.steps}[dial]


def check_every_dial(config: RunConfig, name: str, around: int, deepest: int) -> None:
    """Match by each single dial of each figure, and by looking at all values up to ``around`` beyond what is found."""
    custom = own_map(config.model.num_layers) if name == "integers" else None
    strategy = custom or name
    scan = Scan(config, name, custom or SCHEMES[name].strategy)
    for measure, dials in CHANGES.items():
        if measure == "kv_cache" and config.model.family == "encoder":
            continue  # it has none
        for dial in dials:
            found = match(config, strategy, measure, [dial])
            got, now = where(dial, found.config), where(dial, config)
            least = 1 if dial in ("depth", "width") else max(1, got - around)
            values = [*range(least, (deepest if dial == "depth" else got + around) + 1), got]
            if dial == "width":
                values = [value for value in values if config.model.head_dim or value % config.model.num_heads == 0]
            assert got == scan.nearest(measure, dial, values, found.target, now), (measure, dial)
            assert found.got == scan.figure(measure, dial, got), (measure, dial)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_is_matched_by_every_dial_as_by_a_search_over_all_values(name: str) -> None:
    check_every_dial(small(name, 4, 16), name, around=5, deepest=10)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [{}, {"head_dim": 8}, {"positions": "rotary", "activation": "swiglu"}], ids=str)
@pytest.mark.parametrize("name", SCHEMES)
def test_more_sizes_are_matched_as_by_a_search_over_all_values(name: str, sizes: dict[str, object]) -> None:
    check_every_dial(small(name, 12, 64, **sizes), name, around=50, deepest=32)


@pytest.mark.parametrize(
    ("strategy", "sizes", "fields"),
    [
        ("all,lora=24", {"d_model": 16, "d_ff": 32}, {"d_model": 24}),  # its rank needs a wider model
        ("o=@q", {"d_model": 64, "d_ff": 64, "head_dim": 8}, {"d_model": 32}),  # 4 heads of 8 are as wide as that only
        ("ffn_in=@q", {"d_model": 32, "d_ff": 96}, {"d_ff": 32}),  # the width is turned when both are equal
    ],
)
def test_a_scheme_that_does_not_fit_the_sizes_at_hand_is_matched_where_it_fits(
    strategy: str, sizes: dict[str, int], fields: dict[str, int]
) -> None:
    config = build_config(
        {"data": {"task": "digits"}, "model": {"num_layers": 4, "num_heads": 4, "bias": False, **sizes}}
    )
    with pytest.raises(ConfigError):
        resolve(config.model_copy(update={"sharing": SharingConfig(strategy=strategy)}))
    found = match(config, strategy)
    assert resolve(found.config).config.sharing.strategy == parse_strategy(strategy).text
    for field, least in fields.items():
        assert getattr(found.config.model, field) >= least
    with pytest.raises(ConfigError):
        match(config, strategy, change=["depth"])


@pytest.mark.parametrize(
    "strategy", ["all,lora=20", "o=@q", "ffn_in=@q", "ffn_in=@k", "k=@q,ffn_out=@o", "norm_ffn=@q"]
)
@pytest.mark.parametrize("sizes", [{}, {"head_dim": 8}, {"num_kv_heads": 2}, {"d_ff": 32}, {"d_ff": 29}], ids=str)
@pytest.mark.parametrize("dial", ["width", "d_ff"])
def test_sizes_that_fit_are_those_that_can_be_counted(strategy: str, sizes: dict[str, int], dial: Dial) -> None:
    model = {"num_layers": 2, "d_model": 32, "num_heads": 4, "d_ff": 64, "bias": False, **sizes}
    point = Point.of(build_config({"data": {"task": "digits"}, "model": model})).with_strategy(strategy)
    grid = grid_of(dial, point)[:80]
    counted = []
    for value in grid:
        with suppress(ConfigError):
            turned(dial, point, value).counts()
            counted.append(value)
    plan = plan_at(point.model, strategy)
    assert list(fitting(grid, lambda value: turned(dial, point, value).model, plan)) == counted


def test_what_fits_at_no_size_is_said_as_everywhere() -> None:
    with pytest.raises(ConfigError, match="sites that share a slot must have the same shape"):
        match(build_config({}), "norm_ffn=@q")


def test_a_match_stays_within_the_limits_of_a_server_and_says_what_it_would_need() -> None:
    config = build_config({})
    free = match(config, "all")
    executed = free.counts.executed_parameters
    assert match(config, "all", limits=Limits(executed=executed)).config == free.config
    tight = match(config, "all", limits=Limits(executed=executed // 2))
    assert tight.counts.executed_parameters <= executed // 2
    assert tight.got < tight.target
    assert f"needs {executed:,} executed parameters. This server allows {executed // 2:,}" in (tight.problem or "")
    with pytest.raises(ConfigError, match="at most 100 executed parameters on this server"):
        match(config, "all", limits=Limits(executed=100))
    longer = match(config, "kv_source=every:2", "flops", limits=Limits(steps=config.train.steps))
    assert longer.config.train.steps == config.train.steps
    assert f"This server allows {config.train.steps:,}" in (longer.problem or "")


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
