"""A map as a paper prints it becomes the custom map; a strategy stays what it is; nonsense gets one sentence."""

import pytest

from clps_core.errors import ConfigError
from clps_core.sharing import NAMED_STRATEGIES
from clps_core.sharing.pasted import MOST_LAYERS, strategy_of_pasted


@pytest.mark.parametrize(
    "text",
    [
        "0 1 2 2 1 0", "0, 1, 2, 2, 1, 0", "[0,1,2,2,1,0]", "(0 1 2) (2 1 0)", "0 1 2\n2 1 0\n", "1 2 3 3 2 1",
        "0-1-2-2-1-0", "7–9–4–4–9–7", "A B C C B A", "a,b,c,c,b,a", "ABCCBA", "{A; B; C; C; B; A}",
       "[[1 2 3], [3 2 1]]", "0 → 1 → 2 → 2 → 1 → 0", "00 01 02 02 01 00",
    ],
)  # fmt: skip
def test_every_way_of_writing_a_map_is_the_same_map(text):
    assert strategy_of_pasted(text) == "0-1-2-2-1-0"


@pytest.mark.parametrize(
    "text",
    [*NAMED_STRATEGIES, "cycle:3", "cycle 3", "loop:1/2/1", "attention=all,ffn=none", "0-1-1-0,norms=own", "k=@q", "3",
     "", "alle", "none,all", "0 1 1 0,kv_source=0-0-2-2"],
)  # fmt: skip
def test_a_strategy_stays_as_it_is(text):
    assert strategy_of_pasted(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 1 two 2 1 0", "Got 'two' in place 3 of 6"),
        ("A B B 1", "Got '1' in place 4 of 4"),
        ("0 1 -> 1.5 0", "Got '1.5' in place 3 of 4"),
        ("0 1 99999999999 0", "Got '99999999999' in place 3 of 4"),
        ("0 1 \u202e 1 0", "in place 3 of 5"),
        ("0 " * (MOST_LAYERS + 1), "at most 512 layers. Got 513 numbers"),
        ("0" * 5000, "at most 4096 characters long. Got 5000"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_that_shows_what_was_got(text, told):
    with pytest.raises(ConfigError) as problem:
        strategy_of_pasted(text)
    assert told in str(problem.value)
    assert "\u202e" not in str(problem.value)
