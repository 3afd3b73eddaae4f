"""A run config as one short line for a URL. Start at to_spec and from_spec.

Format, version 1: ``1`` and then ``;name=value`` for whatever differs from the task's defaults, in
the order of the config's fields::

    1;task=dates;model.num_layers=6;sharing.strategy=cycle:3

``task`` stands for ``data.task`` and is always there. Values are plain: numbers, ``true``, ``false``,
``null``, names. What ``resolve`` would fill in again is left out, so a config and its resolved form
have one spec. The same ``name=value`` is what ``--set`` takes on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from clps_core.config import RunConfig, build_config, completed
from clps_core.config.data import USUAL_AUGMENT
from clps_core.errors import ConfigError
from clps_core.tasks import TASKS
from clps_core.words import _

__all__ = ["MAX_SPEC", "from_spec", "parse_assignments", "to_spec"]

VERSION = "1"
MAX_SPEC = 6000
"""Characters; a strategy may be 4,096 long by itself."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?")
FILLED_IN = ("vocab_size", "max_positions", "num_classes", "patch_dim", "num_queries", "max_target_positions")


def to_spec(config: RunConfig) -> str:
    """The spec of ``config``; ``resolve(from_spec(to_spec(config))) == resolve(config)``."""
    short = _without_filled_in(config)
    base = build_config({"data": {"task": config.data.task}, "train": {"steps": config.train.steps}}).as_dict()
    # The steps were given above only so that the default warm-up follows them; they are compared with the task's own.
    base["train"]["steps"] = build_config({"data": {"task": config.data.task}}).train.steps
    parts = [VERSION, f"task={config.data.task}"]
    for name, value in short.as_dict().items():
        if isinstance(value, dict):
            parts += [
                f"{name}.{key}={_text(one)}" for key, one in value.items() if one != base[name][key] and key != "task"
            ]
        elif value != base[name]:
            parts.append(f"{name}={_text(value)}")
    return ";".join(parts)


def from_spec(text: str) -> RunConfig:
    """The config of a spec; raises ``ConfigError`` for anything that is not one."""
    if not isinstance(text, str) or not text:
        raise ConfigError(_("a spec must be a text such as '1;task=dates'. Got nothing."))
    if len(text) > MAX_SPEC:
        raise ConfigError(
            _("a spec must be at most {limit} characters long. Got {got}.", limit=MAX_SPEC, got=len(text))
        )
    version, *parts = text.split(";")
    if version != VERSION:
        raise ConfigError(
            _(
                "a spec must start with its version, '{version};'. Got {got!r}. Make a new link on the Design page.",
                version=VERSION,
                got=version[:20],
            )
        )
    return build_config(parse_assignments(part for part in parts if part))


def parse_assignments(parts: Iterable[str]) -> dict[str, Any]:
    """Nested plain data of ``name=value`` texts: ``["model.d_model=64"]`` -> ``{"model": {"d_model": 64}}``.

    Raises ``ConfigError`` where one is malformed or a name comes twice; whether the names and values
    exist and fit is for ``build_config`` to say.
    """
    nested: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        name = "data.task" if name == "task" else name
        if not equals or not NAME.fullmatch(name):
            raise ConfigError(
                _("a setting must be written name=value, such as model.d_model=64. Got {got!r}.", got=part[:60])
            )
        section, dot, key = name.partition(".")
        target = nested.setdefault(section, {}) if dot else nested
        if not isinstance(target, dict) or (key or section) in target:
            raise ConfigError(_("every setting must be given once. Got {name} twice. Remove one of them.", name=name))
        target[key or section] = _value(value.strip())
    return nested


def _without_filled_in(config: RunConfig) -> RunConfig:
    """``config`` without what its task would fill in by itself."""
    short = config
    usual = TASKS.usual(config.data.task)
    implied: dict[str, object] = {
        "seq_len": usual.max_source_len,
        "difficulty": usual.difficulty,
        "patch_size": usual.patch_size,
        "augment": USUAL_AUGMENT,
    }
    same = [name for name, value in implied.items() if getattr(config.data, name) == value]
    short = short.model_copy(update={"data": short.data.model_copy(update=dict.fromkeys(same))})
    given = {name: getattr(config.model, name) for name in FILLED_IN}
    bare = short.model_copy(update={"model": short.model.model_copy(update=dict.fromkeys(FILLED_IN))})
    try:
        filled = completed(bare).model
    except ConfigError:
        return config
    kept = {name: value for name, value in given.items() if value != getattr(filled, name)}
    return bare.model_copy(update={"model": bare.model.model_copy(update=kept)})


def _text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _value(text: str) -> int | float | str | bool | None:
    if text in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[text]
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?", text):
        return float(text)
    return text
