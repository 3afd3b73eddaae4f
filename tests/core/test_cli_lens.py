"""``clps lens``: the prediction after each executed layer, as the engine reads it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict

import pytest
from test_cli_depth import clps
from untrained_runs import small_config, stored_run

from clps_core import api
from clps_core.errors import ConfigError
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.patching import Patching
from clps_core.predicting import held_out_examples
from clps_core.samples import install, ready_named
from clps_core.store import Store, open_store

HOPS, OTHER = "3 1 7 0 2 6 4 5", "1 2 3 4 5 6 7 0"
LOOPED, PLAIN, SHORT = "sample-hops-3-all-0", "sample-hops-3-none-0", "sample-hops-1-all-0"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """That of the home which the commands use, with the shipped runs of task hops."""
    with pytest.MonkeyPatch.context() as patch, closing(open_store(tmp_path_factory.mktemp("home"))) as store:
        patch.setenv("CLPS_HOME", str(store.home))
        patch.delenv("CLPS_DATABASE_URL", raising=False)
        install(store, [ready_named("hops")])
        yield store


def test_the_table_says_where_the_answer_flips_and_when_it_is_right(store: Store) -> None:
    result = clps("lens", LOOPED, "--text", HOPS)
    assert result.exit_code == 0, result.output
    cells = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in result.stdout.splitlines() if "│" in line
    ]
    found = lens_of_run(Look(store.run_folder(LOOPED), HOPS))
    assert [(row[0], row[2], row[3]) for row in cells] == [("0", "–", "–"), *((str(n), str(n), "A") for n in (1, 2, 3))]
    for row, one in zip(cells, found.at(0), strict=True):
        assert (row[4], row[5] == "*", row[8]) == (one.tokens[0], one.flips, str(one.rank))
        assert row[9] == f"{one.entropy:.2f}"
    assert [one.flips for one in found.at(0)] == [False, True, True, False], "the second hop comes with the second loop"
    assert found.at(0)[-1].rank == 1
    assert "Position 0 (of 0 to 7), where the model reads 0→?. The correct token is 0." in result.stderr


def test_changes_are_those_of_the_engine_and_two_runs_stand_in_one_file(store: Store) -> None:
    given = ("--text", HOPS, "--without", "decoder.1.ffn", "--change", "decoder.0<>decoder.2")
    given += ("--change", "decoder.1[15]=decoder.2", "--patch-text", OTHER, "--position", "7")
    told = json.loads(clps("lens", LOOPED, PLAIN, *given, "--json").stdout)
    for run_id, record in zip((LOOPED, PLAIN), told, strict=True):
        patching = Patching(("decoder.1[15]=decoder.2",), OTHER)
        changes = ("decoder.1.ffn", "decoder.0<>decoder.2")
        found = lens_of_run(Look(store.run_folder(run_id), HOPS, left_out=changes, patching=patching))
        assert record["rows"] == json.loads(json.dumps([asdict(row) for row in found.at(7)]))
        assert (record["id"], record["position"], record["reads"]) == (run_id, 7, "7→?")
        assert record["prediction"] == found.prediction
    rows = list(csv.DictReader(io.StringIO(clps("lens", LOOPED, PLAIN, *given, "--format", "csv").stdout)))
    assert [row["run"] for row in rows] == [LOOPED] * 4 + [PLAIN] * 4
    for row, one in zip(rows, [row for record in told for row in record["rows"]], strict=True):
        assert (row["token_1"], float(row["probability_1"])) == (one["tokens"][0], one["probabilities"][0])
        assert (int(row["wanted_rank"]), bool(int(row["flips"]))) == (one["rank"], one["flips"])


def test_loops_and_a_patch_from_another_run_reach_the_model(store: Store) -> None:
    folder, other = store.run_folder(LOOPED), store.run_folder(PLAIN)
    found = api.lens(LOOPED, HOPS, loops=5, without=["decoder.4"], change=["decoder.3=decoder.2"], patch_run=PLAIN)
    patching = Patching(("decoder.3=decoder.2",), folder=other)
    expected = lens_of_run(Look(folder, HOPS, loops=5, left_out=["decoder.4"], patching=patching))
    assert (found.top == expected.top).all()
    assert found.loops == (1, 2, 3, 4, 5)
    assert found.prediction == lens_of_run(Look(other, HOPS)).prediction, "all that follows is left out"


def test_a_loop_of_several_layers_is_left_out_as_ablate_names_it_at_any_number_of_loops(store: Store) -> None:
    run = stored_run(store, small_config("digits", "loop:1/2/1", num_layers=6))
    found = api.lens(run.id, "17", loops=3, without=["encoder.loop.3"])
    expected = lens_of_run(Look(store.run_folder(run.id), "17", loops=3, left_out=["encoder.5", "encoder.6"]))
    assert (found.probabilities == expected.probabilities).all()
    with pytest.raises(ConfigError, match=r"encoder\.loop\.1, encoder\.loop\.2\."):
        api.lens(run.id, "17", without=["encoder.loop.3"])


def test_of_an_example_the_decoder_reads_the_right_answer(store: Store) -> None:
    run = stored_run(store, small_config("dates"))
    told = json.loads(clps("lens", run.id, "--example", "3", "--position", "last", "--json").stdout)
    example = held_out_examples(store.run_folder(run.id), 3)[-1]
    assert (told["text"], told["target"], told["options"]) == (example.text, example.target_text, dict(example.options))
    assert (told["wanted"], told["wanted_is"], told["position"]) == ("<eos>", "right", told["positions"] - 1)
    own = json.loads(clps("lens", run.id, "--text", example.text, "--json").stdout)
    assert (own["wanted_is"], own["position"], own["reads"]) == ("own", 0, "<bos>")
    docs = stored_run(store, small_config("python-docs"))
    plain = clps("lens", docs.id, "--text", "Return the number")
    assert "reads ␣number. The correct token is not known." in plain.stderr, "the last position of a text"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((LOOPED, "--position", "8"), "from 0 to 7. Got 8"),
        ((LOOPED, "--position", "-1"), "a number from 0 on, or last"),
        ((LOOPED, "--without", "decoder.3"), "0 to 2. Got 3"),
        ((LOOPED, "--change", "<b>"), "a part must be written like"),
        ((LOOPED, "--change", "decoder.1=x"), "a patch must be written like"),
        ((LOOPED, "--patch-text", OTHER), "must come with a patch"),
        ((LOOPED, "--text", "1 2"), "each number from 0 to 7 once"),
        ((LOOPED, "--text", HOPS, "--example", "1"), "Leave one out"),
        ((LOOPED, "--target", "1"), "does not use a typed target"),
        ((LOOPED, "--format", "xml"), "table, csv, json"),
        ((LOOPED, "--json", "--format", "csv"), "must not disagree"),
        ((LOOPED, PLAIN, SHORT), "at most 2 runs"),
        ((LOOPED, SHORT, "--without", "decoder.2"), f"{SHORT}: decoder.2 must name an executed layer"),
        ((LOOPED, PLAIN, "--loops", "5"), f"{PLAIN}: "),
        (("nosuch",), "no run nosuch"),
    ],
)
def test_a_bad_request_is_one_sentence(store: Store, arguments: tuple[str, ...], sentence: str) -> None:
    result = clps("lens", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr.strip().splitlines()[-1]


def test_runs_of_two_tasks_are_not_read_together(store: Store) -> None:
    run = stored_run(store, small_config("digits"))
    assert "must be of one task" in clps("lens", LOOPED, run.id).stderr
