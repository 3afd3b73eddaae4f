"""Every field of a config as people read of it: default, unit, limits, meaning. Start at reference.

All of it is read off the models and the tasks' defaults, so that it cannot differ from what is checked. ``clps config``
prints it, and ``docs/config.md`` is made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import Any

from pydantic import BaseModel

from clps_core.config.reading import build_config, did_you_mean, meant_field
from clps_core.config.resolving import completed
from clps_core.config.run import RunConfig, flat
from clps_core.errors import ConfigError
from clps_core.tasks import TASKS
from clps_core.words import N_, Worded, Words, _, shown

__all__ = ["FieldFacts", "field_facts", "groups", "reference"]

TYPES = Words(
    {"integer": N_("whole number"), "number": N_("number"), "boolean": N_("true or false"), "string": N_("text")}
)
TASK = "data.task"
MOST_DEFAULTS = 4
"""Different defaults that are told in one line."""
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


@dataclass(frozen=True, kw_only=True)
class FieldFacts:
    """One field. ``defaults``: task -> what a run of it gets that does not say; all that the task fills in included.

    ``limits`` are such as ``>= 1``; ``choices`` is empty where the field has no list. ``optional``: null is allowed,
    and ``meaning`` says what that does.
    """

    name: str
    meaning: Worded = Worded()
    unit: Worded = Worded()
    type: Worded = Worded()
    limits: tuple[str, ...]
    choices: tuple[str, ...]
    optional: bool
    defaults: Mapping[str, Any]

    @property
    def group(self) -> str:
        """``model`` of ``model.d_model``; empty for those at the top."""
        return self.name.rpartition(".")[0]

    @property
    def allowed(self) -> str:
        """Choices or limits in one line."""
        if self.choices:
            return ", ".join(self.choices)
        return ", ".join([self.type, *self.limits])

    @property
    def default(self) -> str:
        """In one line: the most frequent one, then the tasks that have another; ``by task`` where there are many."""
        tasks: dict[str, list[str]] = {}
        for task, text in self.texts.items():
            tasks.setdefault(text, []).append(task)
        usual, *others = sorted(tasks, key=lambda text: -len(tasks[text]))
        if len(others) >= MOST_DEFAULTS:
            return _("depends on the task")
        return "; ".join([usual, *(f"{text}: {', '.join(tasks[text])}" for text in others)])

    @property
    def texts(self) -> Mapping[str, str]:
        """Task -> its default as people read it."""
        return {task: _text(value) for task, value in self.defaults.items()}

    @property
    def differs(self) -> bool:
        """Whether tasks have different defaults."""
        return len(set(self.texts.values())) > 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return asdict(self) | {"group": self.group}


def reference() -> dict[str, FieldFacts]:
    """Every field by its full name, in the order of the config."""
    return _reference(tuple(TASKS.usable()))


@lru_cache(maxsize=4)
def _reference(tasks: tuple[str, ...]) -> dict[str, FieldFacts]:
    usual = {task: flat(completed(build_config({"data": {"task": task}})).as_dict()) for task in tasks}
    usual = {task: {**values, TASK: RunConfig().data.task} for task, values in usual.items()}
    return {
        name: _facts(name, schema, {task: values[name] for task, values in usual.items()})
        for name, schema in _schemas(RunConfig)
    }


def groups() -> dict[str, list[FieldFacts]]:
    """Group -> its fields, in order; those at the top come last, under an empty name."""
    found: dict[str, list[FieldFacts]] = {}
    for one in reference().values():
        found.setdefault(one.group, []).append(one)
    return {name: found[name] for name in sorted(found, key=lambda name: not name)}


def field_facts(name: str) -> list[FieldFacts]:
    """The field of this name, or those of the group; raises ``ConfigError``, which names the likeliest."""
    known = reference()
    if name in known:
        return [known[name]]
    of_group = [one for one in known.values() if one.group == name]
    if name and of_group:
        return of_group
    raise ConfigError(
        _(
            "there is no field or group {got}.{hint} 'clps config' lists all.",
            got=shown(name),
            hint=did_you_mean(meant_field(RunConfig, name[:60])),
        )
    )


def _schemas(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    properties = kind.model_json_schema()["properties"]
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _schemas(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, properties[name]


def _facts(name: str, schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> FieldFacts:
    options = schema.get("anyOf", [schema])
    plain = next(one for one in options if one.get("type") != "null")
    choices = plain.get("enum", [plain["const"]] if "const" in plain else [])
    choices = list(TASKS) if name == TASK else choices
    return FieldFacts(
        name=name,
        meaning=str(schema.get("description", "")),
        unit=str(schema.get("unit", "")),
        type=partial(TYPES.__getitem__, plain["type"]),
        limits=tuple(f"{sign} {_text(plain[key])}" for key, sign in BOUNDS.items() if key in plain),
        choices=tuple(map(str, choices)),
        optional=len(options) > 1,
        defaults=dict(defaults),
    )


def _text(value: object) -> str:
    if value is None:
        return _("not given")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(int(value))
    return str(value)
