"""A few bytes of YAML stand for no more than they weigh, whoever reads them."""

from __future__ import annotations

import pytest
from hostile_text import alias_bomb, merge_bomb
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import config_from_yaml, plain_from_yaml
from clps_core.config.plain_yaml import MAX_LEVELS, MAX_NODES, MAX_NUMBER, _PlainLoader
from clps_core.errors import ConfigError
from clps_core.experiment import read_experiment
from clps_core.policy import read_policy
from clps_core.sweeps import read_sweep

BOMB = merge_bomb(9)
MERGE = "must not merge groups with '<<'"
SENTENCES = {
    "merge keys": (BOMB, rf"{MERGE}.*line 2"),
    "one merge key": ("a: &a {b: 1}\nc: {<<: *a}", rf"{MERGE}.*line 2"),
    "a merge key by its tag": ("a: {!!merge x: {b: 1}}", MERGE),
    "aliases of aliases": (alias_bomb(9), f"at most {MAX_NODES:,} values.*in line 4"),
    "aliases as a chain": (alias_bomb(40, width=1), f"at most {MAX_LEVELS} levels deep. Line 19 "),
    "an alias of itself": ("a: &a [1, *a]", r"must not be inside the value it refers to. \*a is, in line 1"),
    "many values": ("seeds: [" + "1," * 30_000 + "]", f"at most {MAX_NODES:,} values"),
    "many groups": ("{a: " * 5_000, f"at most {MAX_LEVELS} levels deep"),
    "a set": ("a: !!set {b, c}", "the tag !!set in line 1"),
    "bytes": ("a: !!binary aGVsbG8=", "the tag !!binary in line 1"),
    "an object": ("a: !!python/name:os.system x", "the tag !!python/name:os.system in line 1"),
    "a long number": ("seed: " + "9" * 5_000, f"a number of 5000 characters in line 1; at most {MAX_NUMBER}"),
    "a long hexadecimal number": ("\nseed: 0x" + "f" * 5_000, "a number of 5002 characters in line 2"),
    "a long number of base 60": ("seed: 1" + ":1" * 90_000, "a number of 180001 characters"),
    "a long fraction": ("seed: 1." + "1" * 5_000, "a number of 5002 characters"),
    "more than 64 bits": ("a: 1\nseed: 9223372036854775808", "a whole number in line 2 that does not fit into 64 bits"),
    "bytes beyond the limit": ("name: " + "😀" * 60_000, "at most 200000 bytes. Got 240006"),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_yaml_that_stands_for_more_than_it_weighs_is_refused(case):
    text, sentence = SENTENCES[case]
    with pytest.raises(ConfigError, match=sentence) as caught:
        plain_from_yaml(text)
    assert "set_int_max_str_digits" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_refused_was_not_built():
    """The bomb has 500 bytes and stands for 9^8 fields: no more of it is looked at than its first lines."""
    for text, nodes in ((BOMB, 15), (alias_bomb(9), MAX_NODES + MAX_NODES // 2)):
        loader = _PlainLoader(text)
        with pytest.raises(ConfigError):
            loader.get_single_data()
        assert loader._nodes <= nodes
        assert not loader.constructed_objects


def size_and_levels(data: object) -> tuple[int, int]:
    inner = [*data, *data.values()] if isinstance(data, dict) else data if isinstance(data, list) else []
    found = [size_and_levels(one) for one in inner]
    return 1 + sum(size for size, _level in found), 1 + max((levels for _size, levels in found), default=0)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_aliases_may_be_used_and_count_in_full(levels):
    data = plain_from_yaml(alias_bomb(levels))
    loader = _PlainLoader(alias_bomb(levels))
    loader.get_single_data()
    assert size_and_levels(data) == (loader._nodes, levels + 2)


def test_the_levels_of_an_alias_count_where_it_stands():
    fits = "a: &a " + "[" * 9 + "]" * 9 + "\nb: " + "[" * 10 + "*a" + "]" * 10
    assert size_and_levels(plain_from_yaml(fits))[1] == MAX_LEVELS
    with pytest.raises(ConfigError, match=f"at most {MAX_LEVELS} levels deep. Line 2 "):
        plain_from_yaml(fits.replace("[*a]", "[[*a]]"))


@pytest.mark.parametrize("read", [config_from_yaml, read_experiment, read_sweep])
@pytest.mark.parametrize("text", [BOMB, f"sweep: {{fields: {{<<: [1]}}}}\n{alias_bomb(9)}"])
def test_every_reader_of_files_refuses_the_bomb(read, text):
    with pytest.raises(ConfigError, match=MERGE):
        read(text)


@pytest.mark.parametrize("command", [["train", "--config"], ["count", "--config"], ["sweep"], ["sweep", "start"]])
def test_the_command_line_refuses_the_bomb_and_queues_nothing(command, tmp_path, monkeypatch):
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    (tmp_path / "bomb.yaml").write_text(BOMB)
    result = CliRunner().invoke(app, [*command, str(tmp_path / "bomb.yaml")])
    assert result.exit_code == 2
    assert MERGE in result.stderr
    assert not (tmp_path / "home").exists()


def test_a_policy_with_the_bomb_is_refused(tmp_path):
    (tmp_path / "policy.yaml").write_text(f"mode: shared\n{BOMB}")
    with pytest.raises(ConfigError, match=f"policy.*cannot be used.*{MERGE}"):
        read_policy(tmp_path, {})
