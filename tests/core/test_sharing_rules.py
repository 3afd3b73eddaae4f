"""Rules give the maps of the papers; slots are plain integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clps_core.errors import ConfigError
from clps_core.sharing import NAMED_STRATEGIES, RULES, parse_strategy
from clps_core.sharing.rules import apply_rule

# Layers as the papers draw them, L = 6.
PAPERS = [
    ("none", None, "012345"),  # Vaswani et al.
    ("all", None, "000000"),  # ALBERT, Universal Transformer
    ("grouped", 1, "000000"),  # ALBERT, G = 1
    ("grouped", 3, "001122"),  # ALBERT, G = 3
    ("sequence", 3, "001122"),  # Takase & Kiyono, s = 2; MobileLLM-LS
    ("cycle", 3, "012012"),  # Takase & Kiyono; Relaxed Recursive
    ("cycle_rev", 3, "012210"),  # Takase & Kiyono
    ("cycle_rev", 2, "010110"),  # the same, s = 3
    ("cycle_rev", 4, "012332"),
    ("cycle_rev", 6, "012345"),
    ("cycle_rev", 1, "000000"),
    ("sandwich", None, "011112"),  # Subformer
    ("middle_cycle", 4, "012123"),  # Mixture-of-Recursions, R = 2
    ("middle_sequence", 4, "011223"),  # Mixture-of-Recursions, R = 2
    ("middle_cycle", 3, "011112"),
    ("middle_sequence", 6, "012345"),
    ("loop", None, "012123"),
]
sizes = st.integers(1, 40).flatmap(lambda layers: st.tuples(st.just(layers), st.integers(1, layers)))


@pytest.mark.parametrize(("rule", "slots", "expected"), PAPERS)
def test_the_maps_of_the_papers(rule, slots, expected):
    assert "".join(map(str, apply_rule(rule, 6, slots))) == expected


@pytest.mark.parametrize(("layers", "groups", "layer", "group"), [(22, 22, 15, 15), (18, 14, 9, 7)])
def test_groups_are_computed_in_integers(layers, groups, layer, group):
    """Floats slip here: the first in ``int(l / L * G)``, the second in ``int(l / (L / G))``."""
    assert group - 1 in (int(layer / layers * groups), int(layer / (layers / groups)))
    assert apply_rule("grouped", layers, groups)[layer] == group


@given(sizes)
def test_groups_are_neighbours_of_nearly_equal_size_and_none_is_empty(size):
    layers, groups = size
    slots = apply_rule("grouped", layers, groups)
    assert list(slots) == sorted(slots)
    counts = [slots.count(slot) for slot in range(groups)]
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 1


@given(sizes)
def test_as_many_groups_as_layers_is_no_sharing(size):
    layers, _groups = size
    for rule in ("grouped", "sequence", "cycle", "cycle_rev"):
        assert apply_rule(rule, layers, layers) == apply_rule("none", layers)
        assert apply_rule(rule, layers, 1) == apply_rule("all", layers)


@given(sizes)
def test_cycle_rev_is_cycle_up_to_its_last_pass_which_is_the_mirror_image(size):
    layers, slots = size
    cycle, reverse = apply_rule("cycle", layers, slots), apply_rule("cycle_rev", layers, slots)
    last = slots * (-(-layers // slots) - 1)
    assert reverse[:last] == cycle[:last]
    if last:
        assert list(reverse[last:]) == list(range(slots - 1, -1, -1))[: layers - last]


@given(sizes, st.sampled_from(sorted(RULES)))
def test_every_rule_numbers_slots_by_first_use_and_reaches_the_number_asked_for(size, name):
    layers, asked = size
    rule = RULES[name]
    if rule.takes_slots and asked < rule.least_slots(layers):
        with pytest.raises(ConfigError, match=f"between {rule.least_slots(layers)} and"):
            apply_rule(name, layers, asked)
        return
    stored, looped = asked - rule.ends, layers - rule.ends
    if name.endswith("sequence") and stored > 0 and -(-looped // -(-looped // stored)) != stored:
        # Runs of equal length cannot make this many slots.
        with pytest.raises(ConfigError, match=f"Use grouped:{asked}, which allows unequal groups"):
            apply_rule(name, layers, asked)
        return
    slots = apply_rule(name, layers, asked if RULES[name].takes_slots else None)
    assert len(slots) == layers
    assert list(dict.fromkeys(slots)) == list(range(len(set(slots))))
    if RULES[name].takes_slots:
        assert len(set(slots)) == asked


@given(st.integers(1, 60), st.sampled_from(sorted(RULES)))
def test_every_rule_works_without_a_number(layers, name):
    slots = apply_rule(name, layers)
    if RULES[name].takes_slots:
        assert len(set(slots)) == RULES[name].default_slots(layers)


@pytest.mark.parametrize(
    ("name", "layers", "slots", "sentence"),
    [
        ("cycle", 4, 5, "must be between 1 and the number of layers (4). Got 5. Change it, or the number of layers."),
        ("grouped", 4, 0, "must be between 1 and the number of layers (4). Got 0."),
        ("all", 4, 2, "all must be written without a number. Got all:2."),
        ("sequence", 6, 4, "gives 3 slots. Got 4. Use grouped:4"),
        ("zigzag", 4, 2, "rule must be one of none, all, grouped, sequence, cycle, cycle_rev,"),
    ],
)
def test_rules_refuse_what_they_cannot_reach(name, layers, slots, sentence):
    with pytest.raises(ConfigError) as caught:
        apply_rule(name, layers, slots)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("layers", "slots", "expected"), [(8, 5, "01231234"), (3, 3, "012"), (2, 2, "01"), (1, 1, "0")]
)
def test_in_a_middle_cycle_the_last_layer_has_a_slot_of_its_own(layers, slots, expected):
    """A known port gives the last of 8 layers the slot of another one."""
    assert "".join(map(str, apply_rule("middle_cycle", layers, slots))) == expected


@given(st.integers(0, 4), st.integers(1, 5), st.integers(0, 4), st.integers(1, 6))
def test_a_loop_runs_its_prelude_and_coda_once_and_its_core_as_often_as_fits(prelude, core, coda, loops):
    slots = parse_strategy(f"loop:{prelude}/{core}/{coda}").default.slots(prelude + core * loops + coda)
    assert slots[:prelude] == tuple(range(prelude))
    assert slots[prelude : len(slots) - coda] == tuple(range(prelude, prelude + core)) * loops
    assert slots[len(slots) - coda :] == tuple(range(prelude + core, prelude + core + coda))


@pytest.mark.parametrize(
    ("text", "layers", "fit"),
    [("loop:1/2/1", 7, "Use 6"), ("loop:3/2/3", 4, "Use 8"), ("loop:0/0/1", 4, "at least 1 layer")],
)
def test_a_loop_that_does_not_fit_the_layers_is_refused_with_a_number_that_does(text, layers, fit):
    with pytest.raises(ConfigError, match=fit):
        parse_strategy(text).default.slots(layers)


def test_each_named_strategy_says_what_it_is_and_parses():
    for name, named in NAMED_STRATEGIES.items():
        assert name == named.name
        assert named.title
        assert named.summary.endswith(".")
        assert parse_strategy(name) == named.strategy
        assert named.strategy.text == name
