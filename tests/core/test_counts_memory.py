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
    with pytest.raises(ConfigError, match="the run does not fit into memory"):
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
    assert "2.0 GiB are available on this machine" in str(caught.value)


def test_on_a_gpu_attention_that_is_fused_keeps_no_probabilities():
    """They grow with the square of the length: counted there, a long run that fits would be refused for ever."""
    sizes = {"data": {"task": "python-docs", "seq_len": 1024}, "model": {"d_model": 64, "num_heads": 4}}
    long = config(**sizes)
    probabilities = 4 * 12 * 4 * 4 * 1024**2  # layers, examples, heads, bytes, and no dropout
    long = long.model_copy(update={"model": long.model.model_copy(update={"dropout": 0.0})})
    assert activation_bytes(long) - activation_bytes(long, gpu=True) == probabilities
    read = config(**sizes, sharing={"strategy": "attention_source=every:2"})
    assert activation_bytes(read) == activation_bytes(read, gpu=True), "what others read is computed in steps"
    odd = config(data=sizes["data"], model={"d_model": 60, "num_heads": 5})
    assert activation_bytes(odd) == activation_bytes(odd, gpu=True), "no fused kernel takes a head of 12"
    with pytest.raises(ConfigError, match=r"not fit into GPU memory.*the largest GPU here has 1\.0 GiB"):
        check_fits(config(train={"batch_size": 60000}), GIB, gpu=True)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_with_fused_attention_the_estimate_is_just_above_what_a_step_keeps(dropout):
    """At this length attention is fused on the CPU too, so that what it keeps can be counted without a GPU."""
    import torch

    from clps_core.data.registry import load_task
    from clps_core.model.transformer import build_model

    sizes = {"d_model": 64, "d_ff": 256, "num_heads": 4, "dropout": dropout}
    one = config(data={"task": "python-docs", "seq_len": 512}, model=sizes, train={"batch_size": 2})
    model = build_model(one)
    own, kept = {parameter.data_ptr() for parameter in model.parameters()}, {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        batch = load_task(one).batch(0, 2)
        logits = model(torch.from_numpy(batch.inputs))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batch.labels).flatten())
    assert loss.requires_grad
    taken = sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)
    assert taken <= activation_bytes(one, gpu=True) <= 1.6 * taken
    assert activation_bytes(one) > 1.6 * taken, "with probabilities it would be too high"
