"""What cannot fit is refused before anything is queued, with advice that helps."""

import pytest

from clps_core.analysis.counts import count
from clps_core.analysis.memory import PROCESS_BYTES, activation_bytes, check_fits, estimate_training_memory
from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError

GIB = 2**30


def config(**parts):
    return resolve(build_config(parts)).config


def test_the_estimate_is_the_boundary():
    needed = estimate_training_memory(config())
    check_fits(config(), needed)
    with pytest.raises(ConfigError, match="a run must fit into memory"):
        check_fits(config(), needed - 1)


def test_every_default_fits_a_small_laptop():
    for task in ("dates", "python-docs", "digits"):
        check_fits(config(data={"task": task}), 2 * GIB)


def test_sharing_saves_state_and_no_activations():
    shared, unshared = (config(sharing={"strategy": text}) for text in ("all", "none"))
    assert activation_bytes(shared) == activation_bytes(unshared)
    parameters = [count(one.model, one.sharing).unique_parameters for one in (shared, unshared)]
    # Weights, gradients, two moments, and the copy a checkpoint is written from.
    saved = estimate_training_memory(unshared) - estimate_training_memory(shared)
    assert saved == 20 * (parameters[1] - parameters[0])


def test_activations_grow_with_the_batch_and_with_depth_and_weights_do_not_count_as_such():
    small, large = config(train={"batch_size": 8}), config(train={"batch_size": 80})
    assert activation_bytes(large) == 10 * activation_bytes(small)
    assert activation_bytes(config(model={"num_layers": 8})) > 1.8 * activation_bytes(config(model={"num_layers": 4}))
    assert estimate_training_memory(small) > PROCESS_BYTES


@pytest.mark.parametrize(
    ("parts", "advice"),
    [
        ({"train": {"batch_size": 60000}}, r"Lower batch_size \(60000\)\."),
        ({"data": {"task": "python-docs"}, "train": {"batch_size": 60000}}, r"Lower batch_size \(60000\) or seq_len\."),
        (
            {"model": {"d_model": 16384, "num_heads": 8}},
            r"Lower d_model \(16384\), d_ff or num_layers, or share more\.",
        ),
    ],
)
def test_the_advice_names_what_takes_the_memory(parts, advice):
    with pytest.raises(ConfigError, match=advice) as caught:
        check_fits(config(**parts), 2 * GIB)
    assert "this machine has 2.0 GiB" in str(caught.value)
