"""What a run is: frozen, validated, plain data. Start at RunConfig (``run.py``) and resolve (``resolving.py``).

A person gives a *partial* config (form, URL, YAML, command line); ``build_config`` (``reading.py``) lays it
over the task's defaults; ``resolve`` fills in what follows from the task and refuses what cannot work.
Every entrance uses these two, so that the same mistake gets the same words everywhere. ``model.py`` holds
the sizes of a Transformer, ``data.py`` the choice of a task and its data.
"""

from clps_core.config.data import MOST_CLUTTER, DataConfig
from clps_core.config.model import ModelConfig, usual_sizes
from clps_core.config.plain_yaml import MAX_YAML_BYTES, plain_from_yaml
from clps_core.config.reading import build_config, config_from_yaml, did_you_mean, meant_field, validated
from clps_core.config.resolving import (
    Resolved,
    completed,
    longest_answer,
    longest_input,
    resolve,
    sharing_map,
    sharing_plan,
)
from clps_core.config.run import SCHEMA_VERSION, OptimConfig, RunConfig, SharingConfig, TrainConfig, flat

__all__ = [
    "MAX_YAML_BYTES",
    "MOST_CLUTTER",
    "SCHEMA_VERSION",
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "Resolved",
    "RunConfig",
    "SharingConfig",
    "TrainConfig",
    "build_config",
    "completed",
    "config_from_yaml",
    "did_you_mean",
    "flat",
    "longest_answer",
    "longest_input",
    "meant_field",
    "plain_from_yaml",
    "resolve",
    "sharing_map",
    "sharing_plan",
    "usual_sizes",
    "validated",
]
