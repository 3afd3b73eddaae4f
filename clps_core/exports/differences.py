"""In which fields the configs of runs differ, as plain data and as YAML. Start at differences_yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from clps_core.config import RunConfig, completed, flat, sharing_plan
from clps_core.config.telling import differing
from clps_core.errors import ClpsError
from clps_core.sharing.difference import compare_plans, difference_sentences
from clps_core.store import Run
from clps_core.store.designs import config_table

__all__ = [
    "complete_table",
    "config_differences",
    "configs_yaml",
    "design_first",
    "differences_yaml",
    "map_differences",
]


def config_differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Field -> run's id -> its value, for the fields that are not the same in all runs; empty where none is."""
    tables = {run.id: config_table(run) for run in runs}
    fields: Mapping[str, Any] = dict.fromkeys(differing(list(tables.values()))) if tables else {}
    return {field: {run_id: _plain(table.get(field)) for run_id, table in tables.items()} for field in fields}


def complete_table(config: RunConfig) -> Mapping[str, Any]:
    """The flat table of a config, with what its task decides where model and task fit."""
    try:
        return flat(completed(config).as_dict())
    except ClpsError:
        return flat(config.as_dict())


def design_first(fields: Sequence[str]) -> list[str]:
    """Those of ``fields`` that make a design, the strategy before the model, then all others in their order."""
    return sorted(fields, key=lambda field: (not field.startswith("sharing."), not field.startswith("model.")))


def map_differences(first: Run, second: Run) -> list[str]:
    """In sentences, where two runs share differently; nothing where their maps and all beside them are alike."""
    plans = (
        sharing_plan(first.config.model, first.config.sharing),
        sharing_plan(second.config.model, second.config.sharing),
    )
    found = compare_plans(*plans)
    if found.same_map and not found.lora and not found.beside:
        return []
    return difference_sentences(found, plans, (first.id, second.id))


def differences_yaml(runs: Sequence[Run]) -> str:
    """The same as YAML; comments say which run is which."""
    about = "".join(f"# {run.id}: {' '.join(run.name.split())}\n" for run in runs)
    return about + yaml.safe_dump(config_differences(runs), sort_keys=False, allow_unicode=False)


def configs_yaml(runs: Sequence[Run]) -> str:
    """The whole config of each run, as one YAML file with a document for each; ``clps train`` takes one of them."""
    return "".join(f"---\n# {run.id}: {' '.join(run.name.split())}\n{run.config.as_yaml()}" for run in runs)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
