"""In which fields the configs of runs differ, as plain data and as YAML. Start at differences_yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from clps_core.config.telling import differing
from clps_core.store import Run
from clps_core.store.designs import config_table

__all__ = ["config_differences", "configs_yaml", "differences_yaml"]


def config_differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Field -> run's id -> its value, for the fields that are not the same in all runs; empty where none is."""
    tables = {run.id: config_table(run) for run in runs}
    fields: Mapping[str, Any] = dict.fromkeys(differing(list(tables.values()))) if tables else {}
    return {field: {run_id: _plain(table.get(field)) for run_id, table in tables.items()} for field in fields}


def differences_yaml(runs: Sequence[Run]) -> str:
    """The same as YAML; comments say which run is which."""
    about = "".join(f"# {run.id}: {' '.join(run.name.split())}\n" for run in runs)
    return about + yaml.safe_dump(config_differences(runs), sort_keys=False, allow_unicode=False)


def configs_yaml(runs: Sequence[Run]) -> str:
    """The whole config of each run, as one YAML file with a document for each; ``clps train`` takes one of them."""
    return "".join(f"---\n# {run.id}: {' '.join(run.name.split())}\n{run.config.as_yaml()}" for run in runs)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
