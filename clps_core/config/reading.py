"""From what a person gives to a full config. Start at build_config; ``validated`` tells the mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from clps_core.config.plain_yaml import plain_from_yaml
from clps_core.config.run import RunConfig
from clps_core.errors import ConfigError
from clps_core.suggestions import nearest
from clps_core.tasks import TASKS, Tasks
from clps_core.words import _, sentences, shown

__all__ = [
    "build_config",
    "config_from_yaml",
    "did_you_mean",
    "meant_field",
    "validated",
]

OTHER_NAMES = {
    "lr": "learning_rate",
    "rate": "learning_rate",
    "wd": "weight_decay",
    "decay": "weight_decay",
    "warmup": "warmup_steps",
    "layers": "num_layers",
    "n_layers": "num_layers",
    "n_layer": "num_layers",
    "num_hidden_layers": "num_layers",
    "depth": "num_layers",
    "heads": "num_heads",
    "n_heads": "num_heads",
    "n_head": "num_heads",
    "num_attention_heads": "num_heads",
    "kv_heads": "num_kv_heads",
    "num_key_value_heads": "num_kv_heads",
    "width": "d_model",
    "dim": "d_model",
    "n_embd": "d_model",
    "hidden_size": "d_model",
    "ffn_dim": "d_ff",
    "intermediate_size": "d_ff",
    "vocab": "vocab_size",
    "bs": "batch_size",
    "batch": "batch_size",
    "epochs": "steps",
    "max_steps": "steps",
    "iterations": "steps",
    "clip": "clip_norm",
    "grad_clip": "clip_norm",
    "max_grad_norm": "clip_norm",
    "context_length": "seq_len",
    "block_size": "seq_len",
    "sequence_length": "seq_len",
    "early_stopping": "patience",
    "lr_scheduler_type": "schedule",
    "scheduler": "schedule",
    "gradient_accumulation_steps": "accumulate",
    "grad_accum": "accumulate",
    "accumulation": "accumulate",
    "micro_batches": "accumulate",
    "ema": "ema_decay",
    "muon_lr": "muon_learning_rate",
    "bf16": "precision",
}
"""What other projects call a field."""
MAX_MISTAKES = 5
"""How many mistakes of one config are told at once."""

T = TypeVar("T", bound=BaseModel)


def validated(kind: type[T], data: Mapping[str, Any]) -> T:
    """``kind`` from plain data; raises ``ConfigError`` with one sentence per mistake."""
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(sentences(_sentence(kind, detail) for detail in error.errors()[:MAX_MISTAKES])) from None


def build_config(partial: Mapping[str, Any] | None = None, tasks: Tasks = TASKS) -> RunConfig:
    """A full config: ``partial`` (nested plain data) laid over the defaults of its task, one of ``tasks``.

    Raises ``ConfigError`` for unknown names, wrong types and sizes that do not fit each other.
    """
    given = dict(partial or {})
    data = given.get("data")
    name = data.get("task", "dates") if isinstance(data, Mapping) else "dates"
    task = tasks.usual(name if isinstance(name, str) else shown(name))
    base: dict[str, Any] = {name: dict(values) for name, values in task.defaults.items()}
    base.setdefault("model", {})["family"] = task.family
    for name, value in given.items():
        if isinstance(value, Mapping):
            base[name] = {**base.get(name, {}), **value}
        elif value is not None:
            base[name] = value
    return validated(RunConfig, _shortened_warmup(base, given))


def _shortened_warmup(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A default warm-up must not outlast a short run; one that a person asked for is left alone."""
    asked = given.get("optim")
    steps = base.get("train", {}).get("steps") if isinstance(base.get("train"), Mapping) else None
    if isinstance(steps, int) and isinstance(base.get("optim"), dict) and "warmup_steps" not in (asked or {}):
        base["optim"]["warmup_steps"] = max(0, min(base["optim"].get("warmup_steps", 50), steps // 10))
    return base


def config_from_yaml(text: str) -> RunConfig:
    """Read a YAML experiment file (see ``examples/``); raises ``ConfigError`` where it is not one."""
    return build_config(plain_from_yaml(text))


def _sentence(kind: type[BaseModel], detail: Mapping[str, Any]) -> str:
    """One pydantic error as must / got / fix."""
    where = ".".join(part if isinstance(part, str) else shown(part) for part in detail["loc"])[:120]
    got = shown(detail.get("input"))
    context = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(context.get("error", detail["msg"]))
        case "extra_forbidden":
            return _(
                "{where} is not a field.{hint} Known fields: {known}.",
                where=where,
                hint=did_you_mean(meant_field(kind, where)),
                known=", ".join(_fields_at(kind, detail["loc"][:-1])),
            )
        case "literal_error":
            known = context["expected"]
            likely = (
                nearest(detail["input"], re.findall(r"'([^']+)'", known)) if isinstance(detail["input"], str) else None
            )
            hint = did_you_mean(likely)
            return _("{where} must be one of {known}. Got {got}.{hint}", where=where, known=known, got=got, hint=hint)
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" as bound:
            words = {
                "greater_than_equal": _("at least"),
                "greater_than": _("more than"),
                "less_than_equal": _("at most"),
                "less_than": _("less than"),
            }
            limit = next(iter(context.values()))
            return _(
                "{where} must be {bound} {limit}. Got {got}.", where=where, bound=words[bound], limit=limit, got=got
            )
        case "int_type" | "int_parsing" | "int_parsing_size" | "int_from_float":
            return _("{where} must be a whole number. Got {got}.", where=where, got=got)
        case "float_type" | "float_parsing" | "finite_number":
            return _("{where} must be a number. Got {got}.", where=where, got=got)
        case "bool_type" | "bool_parsing":
            return _("{where} must be true or false. Got {got}.", where=where, got=got)
        case "model_type" | "dict_type":
            return _("{where} must be a group of fields. Got {got}.", where=where or _("the config"), got=got)
    return _(
        "{where} is not valid: {problem}. Got {got}.",
        where=where or _("the config"),
        problem=detail["msg"].lower(),
        got=got,
    )


def did_you_mean(name: str | None) -> str:
    """The question after a sentence about a wrong name, with a blank before it; empty without a likely name."""
    return "" if name is None else _(" Did you mean {name}?", name=name)


def meant_field(kind: type[BaseModel], name: str, others: Iterable[str] = ()) -> str | None:
    """The field of ``kind`` that somebody probably meant by ``name``, such as ``optim.lr``; ``None`` for none.

    A field of that name in another group; what other projects call so; the likeliest in its group (at the top one of
    ``others``, too); the likeliest anywhere.
    """
    group, _dot, short = name.rpartition(".")
    by_short: dict[str, str] = {}
    for one in _all_fields(kind):
        by_short.setdefault(one.rpartition(".")[2], one)
    usual = OTHER_NAMES.get(short.lower().replace("-", "_"), short)
    if usual in by_short:
        return by_short[usual]
    here = {one.rpartition(".")[2]: one for one in _all_fields(kind) if one.rpartition(".")[0] == group}
    here |= {} if group else {one: one for one in others}
    for known in (here, by_short):
        if (likely := nearest(short, known)) is not None:
            return known[likely]
    return None


def _all_fields(kind: type[BaseModel]) -> list[str]:
    """Every field with its group: ``model.d_model``, ``seed``; the groups themselves, too."""
    found: list[str] = []
    for name, field in kind.model_fields.items():
        found.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [f"{name}.{one}" for one in field.annotation.model_fields]
    return found


def _fields_at(kind: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    for name in location:
        field = kind.model_fields.get(str(name))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        kind = field.annotation
    return list(kind.model_fields)
