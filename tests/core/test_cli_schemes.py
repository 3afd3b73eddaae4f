"""``clps schemes``: the list, the cards and the arithmetic, with one sentence for each mistake."""

import json

from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.cli.schemes import show_card
from clps_core.schemes import SCHEMES, card


def clps(*arguments):
    return CliRunner().invoke(app, ["schemes", *arguments])


def data(*arguments):
    result = clps(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_all_schemes_are_listed_with_map_saving_and_source():
    shown = clps().stdout
    for name, scheme in SCHEMES.items():
        assert name in shown
        assert scheme.source in shown
    assert "ABCCBA" in shown
    assert "8%, cache 50%" in shown
    assert [entry["name"] for entry in data()] == list(SCHEMES)


def test_a_card_draws_its_map_at_the_depth_asked_for():
    shown = clps("takase-cycle", "--layers", "12").stdout
    letters = [line.split() for line in shown.splitlines() if " A " in line]
    assert all(line[-12:] == list("ABCDEFABCDEF") for line in letters)
    assert len(letters) == 2
    assert "27.04" in shown
    assert f"{card('takase-cycle', 12).unique_parameters:,}" in shown


def test_a_card_shows_what_is_read_from_other_layers_and_what_is_repeated():
    cla = clps("cla").stdout.splitlines()
    assert any(line.split()[:2] == ["k", "v"] and line.split()[2:] == list("A·B·C·") for line in cla)
    assert any(line.split()[-6:] == list("002244") for line in cla)
    assert "layers 1 to 2, run 2 times" in clps("huginn").stdout
    assert "= encoder" in clps("tied-transformers").stdout


def test_every_card_prints(capsys):
    for name, scheme in SCHEMES.items():
        show_card(name, None, as_json=False)
        assert capsys.readouterr().out.startswith(scheme.title)


def test_the_json_of_a_card_has_the_counters_figures():
    for entry in data():
        assert entry["counts"]["unique_parameters"] == card(entry["name"]).unique_parameters
    assert data("huginn") == next(entry for entry in data() if entry["name"] == "huginn")


def test_the_arithmetic_prints_the_right_count_beside_the_slips():
    shown = clps("arithmetic").stdout
    for value in ("25,080,832", "15,728,640", "2,621,440", "18,874,368", "3,145,728"):
        assert value in shown
    assert [claim["right"] for claim in data("arithmetic", "--layers", "3")["claims"]] == [False, True]


def test_mistakes_are_told_in_one_sentence():
    for arguments, words in ((["nope"], "scheme must be one of none, albert-all"), (["cla", "--layers", "1"], "Got 2")):
        result = clps(*arguments)
        assert result.exit_code == 2
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
