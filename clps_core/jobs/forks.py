"""A fork: what it begins with and what differs from its parent. No torch. Start at derive_fork.

There is one derivation. ``clps runs fork``, the dialog on Runs and Python's ``service.fork`` all queue the
``DerivedFork`` of this module, and what they tell is its ``changes``: nothing else differs from the parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from clps_core.config import Resolved, RunConfig, build_config, flat, resolve
from clps_core.errors import ConfigError
from clps_core.experiment import check_name, merged
from clps_core.jobs.ancestry import Ancestry, spent_on, weights_step
from clps_core.jobs.keeping import weights_file
from clps_core.jobs.names import run_names, shortened
from clps_core.jobs.training_on import check_no_begin_step, check_same_optimiser, going_on
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["BEST_OR_LAST", "Change", "DerivedFork", "beginnings", "change_lines", "derive_fork"]

BEST_OR_LAST = ("best", "last")
WARMUP = "optim.warmup_steps"


class Change(NamedTuple):
    """A field of the config that differs from the parent's; ``follows``: it was not asked for, but follows."""

    field: str
    before: Any
    after: Any
    follows: bool = False


@dataclass(frozen=True)
class DerivedFork:
    """A fork before it is queued. ``resolved`` is the parent's config with ``changes``, and with nothing else.

    ``keep_optimiser``: it trains on, as ``training_on`` says. ``spent``: what was spent on the weights it begins with,
    by its parent and the parent's parents.
    """

    parent: Run
    start_from: str
    resolved: Resolved
    changes: tuple[Change, ...]
    spent: Ancestry
    name: str
    comparison_name: str
    keep_optimiser: bool = False

    @property
    def config(self) -> RunConfig:
        """The complete config."""
        return self.resolved.config


def derive_fork(
    store: Store,
    run_id: str,
    changes: Mapping[str, Any] | None = None,
    *,
    start_from: str = "best",
    name: str | None = None,
    keep_optimiser: bool = False,
) -> DerivedFork:
    """The fork of the run with ``changes`` (nested plain data) that begins with its ``best`` or ``last`` weights.

    A fork of fewer steps warms up for a tenth of them at most, as every short run does, unless ``changes`` say
    for how long. With ``keep_optimiser`` it goes on from the parent's last checkpoint, its optimiser included, for
    ``train.steps`` more steps; batches, dropout and schedule go on, too. Raises ``ConfigError`` unless the config is
    right and builds the parent's model, so that its weights fit and mean the same, and ``JobError`` where there is no
    checkpoint to train on from.
    """
    if start_from not in BEST_OR_LAST:
        raise ConfigError(_("a fork must start from best or last weights. Got {got!r}.", got=str(start_from)[:40]))
    parent = store.run(run_id)
    if keep_optimiser:
        start_from = "last"
        found = forked_config(parent, going_on(store, parent, changes or {}))
        check_same_optimiser(parent.config, found.config)
    else:
        found = forked_config(parent, changes or {})
        check_no_begin_step(found.config)
    config = found.config
    asked = flat(changes or {})
    before, after = flat(parent.config.as_dict()), flat(config.as_dict())
    differing = tuple(
        Change(name, before.get(name), value, name not in asked)
        for name, value in after.items()
        if value != before.get(name)
    )
    return DerivedFork(
        parent,
        start_from,
        found,
        differing,
        spent_on(store, parent, start_from),
        check_name(name) or shortened(_usual_name(parent, config, keep_optimiser)),
        shortened(_("Fork of {name}", name=parent.name)),
        keep_optimiser,
    )


def _usual_name(parent: Run, config: RunConfig, keep_optimiser: bool) -> str:
    name = run_names([parent.config, config])[1]
    if keep_optimiser:
        return _("{name} · to step {step}", name=parent.name, step=f"{config.train.end_step:,}")
    return _("{name} · fork", name=name)


def forked_config(parent: Run, changes: Mapping[str, Any]) -> Resolved:
    """The parent's config with ``changes``; see ``derive_fork``."""
    own = parent.config.as_dict()
    own["train"]["begin_step"] = 0  # it begins afresh unless ``changes`` say from where it goes on
    plain = merged(own, dict(changes))
    train, optim = plain["train"], changes.get("optim")
    steps = train.get("steps") if isinstance(train, dict) and not train.get("begin_step") else None
    asked = isinstance(optim, dict) and "warmup_steps" in optim
    if isinstance(steps, int) and not asked and (steps < parent.steps or parent.config.train.begin_step):
        plain = merged(plain, {"optim": {"warmup_steps": min(parent.config.optim.warmup_steps, max(0, steps // 10))}})
    found = resolve(build_config(plain))
    _check_same_model(parent, found.config)
    return found


def _check_same_model(parent: Run, config: RunConfig) -> None:
    before, after = _of_model(parent.config), _of_model(config)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    if changed:
        raise ConfigError(
            _(
                "a fork must have its parent's model and task, since it starts with its weights. Got a different "
                "{names} than {parent}. Start a new run instead.",
                names=", ".join(sorted(changed)[:5]),
                parent=parent.id,
            )
        )


def _of_model(config: RunConfig) -> dict[str, Any]:
    """The fields that decide which weights there are and what they mean."""
    plain = config.as_dict()
    found = {f"model.{name}": value for name, value in plain["model"].items() if name != "dropout"}
    found |= {f"sharing.{name}": value for name, value in plain["sharing"].items()}
    return found | {"data.task": config.data.task}


def change_lines(derived: DerivedFork) -> list[str]:
    """What differs from the parent, a line each: ``train.steps: 600 -> 30``. Nothing else does."""
    lines = []
    for change in derived.changes:
        before, after = _shown(change.before), _shown(change.after)
        if change.field == WARMUP and change.follows:
            line = _("{field}: {before} → {after} (a tenth of the steps)", field=WARMUP, before=before, after=after)
        else:
            line = _("{field}: {before} → {after}", field=change.field, before=before, after=after)
        lines.append(line)
    return lines


def _shown(value: Any) -> str:
    return _("not set") if value is None else str(value)


def beginnings(store: Store, run: Run) -> dict[str, int | None]:
    """``best`` and ``last``, as far as the run has such weights -> their step (``None``: not known)."""
    return {
        which: weights_step(store, run, which) for which in BEST_OR_LAST if weights_file(store, run.id, which).is_file()
    }
