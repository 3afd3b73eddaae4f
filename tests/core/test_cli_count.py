"""``clps count`` and ``clps presets``: stable keys, the exact figures, one sentence for each mistake."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clps_core.analysis.counts import count
from clps_core.cli import app
from clps_core.config import ModelConfig, build_config, resolve
from clps_core.presets import PAPERS, PRESETS
from clps_core.tasks import TASKS

EXAMPLES = Path(__file__).parents[2] / "examples"
KEYS = {
    "unique_parameters",
    "executed_parameters",
    "non_embedding_parameters",
    "by_component",
    "kv_cache_bytes_per_token",
    "train_flops_per_token",
}


def clps(*arguments):
    return CliRunner().invoke(app, list(arguments))


def data(*arguments):
    result = clps(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.parametrize("preset", ["albert-base", "mor-360m-middle-cycle", "huginn", "minivit-deit-b"])
def test_presets_are_counted_to_the_digit(preset):
    found = data("count", "--preset", preset)
    assert found.keys() >= KEYS
    kind = {"all": "unique_parameters", "non_embedding": "non_embedding_parameters"}[PRESETS[preset].counted]
    assert found[kind] == PRESETS[preset].exact
    assert found["preset"] == preset


def test_presets_are_listed_with_all_that_is_known_of_them():
    listed = {entry["name"]: entry for entry in data("presets")}
    assert listed.keys() == PRESETS.keys()
    for name, entry in listed.items():
        preset = PRESETS[name]
        assert (entry["paper"], entry["source"], entry["note"]) == (preset.paper, preset.source, preset.note)
        assert (entry["published"], entry["exact"], entry["counted"]) == (
            preset.published,
            preset.exact,
            preset.counted,
        )
        assert ModelConfig(**entry["model"]) == preset.model
        assert build_config(entry["small"]) == build_config(preset.small)
    assert listed["albert-base"]["unique_parameters"] == 11_683_584


def test_presets_are_shown_under_their_papers_with_the_printed_figure():
    shown = clps("presets").stdout
    headings = [shown.index(paper) for paper in PAPERS.values()]
    assert headings == sorted(headings)
    for preset in PRESETS.values():
        line = next(line for line in shown.splitlines() if f" {preset.name} " in line)
        assert preset.sharing.strategy in line
        assert preset.published is None or preset.published in line
        assert f"{preset.exact:,}" in line


def test_sizes_that_are_not_given_are_those_of_a_named_task_and_are_said():
    for task in ("python-docs", "dates", "digits", "objects", "spoken-digits-seq2seq"):
        config = resolve(build_config({"data": {"task": task}, "sharing": {"strategy": "all"}})).config
        expected = count(config.model, config.sharing)
        found = data("count", "--task", task, "--strategy", "all")
        assert found["unique_parameters"] == expected.unique_parameters
        assert found["train_flops_per_token"] == expected.train_flops_per_token
        assert found["assumed"]["d_ff"] == f"the task {task}"
        assert f"d_ff {config.model.d_ff}" in clps("count", "--task", task).stdout


@pytest.mark.parametrize(
    ("arguments", "d_ff", "heads"),
    [
        (["--family", "decoder", "--layers", "12", "--d-model", "512"], 2048, 8),
        (["--family", "encoder", "--d-model", "768"], 3072, 12),
        (["--family", "encoder_decoder"], 2048, 8),
        ([], 2048, 8),
        (["--d-model", "4096", "--set", "model.activation=swiglu"], 11_008, 64),
        (["--d-model", "512", "--set", "model.activation=swiglu"], 1408, 8),
        (["--d-model", "65"], 260, 1),
        (["--d-model", "1000"], 4000, 10),
    ],
)
def test_without_a_task_sizes_follow_the_usual_rule_and_are_printed(arguments, d_ff, heads):
    found = data("count", *arguments)
    model = found["model"]
    assert (model["d_ff"], model["num_heads"], model["num_kv_heads"]) == (d_ff, heads, None)
    assert (model["vocab_size"], model["max_positions"], model["embedding_size"]) == (32_000, 512, None)
    assert found["context_length"] == 512
    assert {"d_ff", "num_heads", "vocab_size", "max_positions"} <= set(found["assumed"])
    assert "d_model" not in found["assumed"] or "--d-model" not in arguments
    shown = " ".join(clps("count", *arguments).stdout.split())
    assert f"d_ff {d_ff} (" in shown
    assert "vocabulary 32000" in shown
    assert f"num_heads {heads} (heads of width {model['d_model'] // heads})" in shown


def test_what_is_given_is_not_said_to_be_assumed():
    sizes = ["--layers", "2", "--d-model", "64", "--d-ff", "100", "--heads", "2", "--vocab-size", "50"]
    found = data("count", "--family", "decoder", *sizes, "--set", "model.max_positions=8")
    assert found["assumed"] == {}
    assert "Not given" not in clps("count", *sizes, "--set", "model.max_positions=8").stdout
    assert data("count", "--preset", "albert-base")["assumed"] == {}


def test_a_model_made_in_python_goes_by_the_usual_rule_too():
    assert (ModelConfig(d_model=512).d_ff, ModelConfig(d_model=512).num_heads) == (2048, 8)
    assert ModelConfig(d_model=1024, activation="swiglu").d_ff == 2816
    given = ModelConfig(d_model=512, d_ff=100, num_heads=2)
    assert (given.d_ff, given.num_heads) == (100, 2)
    assert ModelConfig.model_validate(given.model_dump()) == given


def test_sizes_come_from_flags_and_settings():
    found = data(
        "count", "--family", "decoder", "--layers", "6", "--d-model", "512", "--d-ff", "2048", "--heads", "8",
        "--vocab-size", "100", "--strategy", "all", "--set", "model.bias=false",
    )  # fmt: skip
    assert found["strategy"] == "all"
    parts = found["by_component"]
    assert sum(parts[name]["unique"] for name in ("q", "k", "v", "o", "ffn_in", "ffn_out")) == 3_145_728
    assert sum(parts[name]["executed"] for name in ("q", "k", "v", "o", "ffn_in", "ffn_out")) == 18_874_368


def test_a_name_that_schemes_prints_is_a_strategy_too():
    assert data("count", "--task", "dates", "--strategy", "albert-all")["strategy"] == "all"
    refused = clps("count", "--task", "dates", "--strategy", "factorised-embedding")
    assert refused.exit_code == 2
    assert "--set model.embedding_size=128" in refused.stderr


def test_a_preset_can_be_resized_and_shared_otherwise():
    small, shared = data(
        "count", "--preset", "mobilellm-125m", "--layers", "2", "--strategy", "none", "--strategy", "all"
    )
    assert small["executed_parameters"] == shared["executed_parameters"] < PRESETS["mobilellm-125m"].exact
    assert small["unique_parameters"] > shared["unique_parameters"]


def test_several_strategies_stand_side_by_side():
    found = data("count", "--task", "dates", "--strategy", "none", "--strategy", "cycle:2")
    assert [entry["strategy"] for entry in found] == ["none", "cycle:2"]
    table = clps("count", "--task", "dates", "--strategy", "none", "--strategy", "cycle:2")
    for entry in found:
        assert f"{entry['unique_parameters']:,}" in table.stdout


def test_an_experiment_file_is_counted_strategy_by_strategy():
    found = data("count", "--config", str(EXAMPLES / "dates-none-vs-all.yaml"))
    assert [entry["strategy"] for entry in found] == ["none", "all"]


def test_one_design_is_shown_as_figures_with_their_names():
    shown = clps("count", "--preset", "albert-base").stdout
    for text in ("11,683,584", "89,650,176", "44.6 MiB", "attention", "embedding"):
        assert text in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--preset", "bert"],
            f"error: preset must be one of the {len(PRESETS)} that 'clps presets' lists, such as bert",
        ),
        (["--preset", "albert-base", "--task", "dates"], "error: --preset must not be combined"),
        (
            ["--preset", "albert-base", "--set", "train.steps=3"],
            "error: with --preset, --set must name fields of model",
        ),
        (["--preset", "albert-base", "--heads", "7"], "error: d_model must be divisible by num_heads. Got 768 and 7."),
        (["--strategy", "cycel"], "error: strategy must be one of none, all"),
        (["--family", "rnn"], "error: model.family must be one of"),
        (["--family", "decoder", "--strategy", "grouped:9"], "between 1 and the number of layers (6). Got 9"),
        (["--layers", "0"], "error: model.num_layers must be at least 1. Got 0."),
        (["--layers", "-3"], "error: model.num_layers must be at least 1. Got -3."),
        (
            ["--task", "french"],
            f"error: task must be one of {', '.join(TASKS)}.",
        ),
        (["--config", "nowhere.yaml"], "error: --config must name a readable YAML file. Got nowhere.yaml"),
        (["--config", "."], "error: --config must name a readable YAML file"),
        (
            ["--set", "model.depth=3"],
            "error: model.depth is not a field. Did you mean model.num_layers? Known fields: family",
        ),
        (["--set", "d_model"], "error: a setting must be written name=value"),
        (["--layers", "six"], "Invalid value for '--layers'"),
        (["--depth", "6"], "No such option"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr_and_exit_code_2(arguments, sentence):
    result = clps("count", *arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_files_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "binary.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert "it is not UTF-8 text" in clps("count", "--config", str(file)).stderr
    file.write_bytes(b"x" * 300_000)
    assert "at most 200000 bytes" in clps("count", "--config", str(file)).stderr


def test_without_a_command_there_is_help_and_with_version_the_version():
    assert "dashboard" in clps().stdout
    assert clps().exit_code == 0
    assert clps("--version").stdout.startswith("clps ")


def test_tables_show_markup_and_control_characters_as_text(capsys):
    from clps_core.cli.output import print_lines, print_table

    print_table(["name"], [["[red]<script>[/red]"], ["\x1b[31mx\u202e"]])
    print_lines("a\x1b]0;title\x07b")
    shown = capsys.readouterr().out
    assert "[red]<script>[/red]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_a_setting_wins_over_the_strategies_of_the_file(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("strategies: [none, all]\ndata: {task: digits}\n")
    result = CliRunner().invoke(app, ["count", "--config", str(file), "--set", "sharing.strategy=cycle:2", "--json"])
    assert json.loads(result.stdout)["strategy"] == "cycle:2"


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        (["--strategy", "all"], "sharing.strategy=none"),
        (["--task", "digits"], "task=dates"),
        (["--layers", "2"], "model.num_layers=3"),
        (["--kv-heads", "2"], "model.num_kv_heads=4"),
        (["--d-model", "64"], "model.d_model=32"),
    ],
)
def test_a_field_with_an_option_and_a_setting_is_refused(option, setting):
    result = CliRunner().invoke(app, ["count", *option, "--set", setting])
    assert result.exit_code == 2
    assert f"must be given once. Got it with {option[0]} and with --set. Remove one." in " ".join(result.stderr.split())
