"""The counter and the built model agree to the digit; they meet only in shapes.py."""

from hypothesis import given, settings
from random_designs import designs

from clps_core.analysis.counts import count
from clps_core.config import build_config, resolve, sharing_map
from clps_core.model.transformer import Transformer, build_model


@settings(max_examples=120, deadline=None)
@given(designs())
def test_unique_parameters_are_the_elements_of_the_built_model(design):
    model, sharing = design
    mapping = sharing_map(model, sharing)
    built = Transformer(model, mapping, 0)
    assert count(model, mapping).unique_parameters == sum(parameter.numel() for parameter in built.parameters())


def test_every_task_with_every_named_strategy_counts_as_it_is_built():
    from clps_core.sharing import NAMED_STRATEGIES
    from clps_core.tasks import TASKS

    for task in TASKS:
        for strategy in NAMED_STRATEGIES:
            config = resolve(build_config({"data": {"task": task}, "sharing": {"strategy": strategy}}))
            built = sum(parameter.numel() for parameter in build_model(config).parameters())
            assert count(config.model, config.sharing).unique_parameters == built
