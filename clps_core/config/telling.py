"""What tells configs apart, in few words: ``d_model 128 · num_heads 8``. Start at told_apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

__all__ = ["FOLLOWS", "MOST_SAID", "differing", "field_name", "said_fields", "said_value", "telling", "told_apart"]

FIRST = (
    "model.d_model",
    "model.num_layers",
    "model.num_decoder_layers",
    "model.num_heads",
    "model.d_ff",
    "optim.learning_rate",
    "train.batch_size",
    "train.steps",
    "data.seq_len",
    "data.difficulty",
    "data.patch_size",
    "data.augment",
)
"""What people change most often is said first."""
FOLLOWS = (
    "model.num_kv_heads",
    "model.head_dim",
    "model.embedding_size",
    "model.max_positions",
    "model.max_target_positions",
    "model.patch_dim",
    "optim.warmup_steps",
    "train.eval_every",
    "train.log_every",
    "train.checkpoint_every",
    "sharing.strategy",
)
"""Often another field's consequence, or said by the name itself: said last, and only where nothing else differs."""
MOST_SAID = 3
"""So many fields are said where fewer are enough to tell one from another; more only where they are needed."""


def differing(tables: Sequence[Mapping[str, Any]], ignored: Collection[str] = ()) -> list[str]:
    """The fields whose values are not the same in all ``tables`` (a field may be absent), in their order."""
    fields = dict.fromkeys(field for table in tables for field in table)
    return [
        field
        for field in fields
        if field not in ignored and any(table.get(field) != tables[0].get(field) for table in tables)
    ]


def told_apart(names: Sequence[str], tables: Sequence[Mapping[str, Any]], ignored: Collection[str] = ()) -> list[str]:
    """``names``, where several are equal each followed by the fields that tell it from its namesakes.

    ``tables``: the flat config of each (``flat``), or any other facts about it. Names stay equal only where their
    tables differ in nothing but ``ignored``.
    """
    told = list(names)
    for name in dict.fromkeys(names):
        places = [place for place, one in enumerate(names) if one == name]
        fields = telling([tables[place] for place in places], ignored)
        for place in places:
            told[place] = " · ".join([name, *said_fields(fields, tables[place])])
    return told


def telling(tables: Sequence[Mapping[str, Any]], ignored: Collection[str] = (), most: int = MOST_SAID) -> list[str]:
    """The fields to say of each of ``tables``: those that tell all apart, and others that differ, up to ``most``."""
    ranked = _ranked(differing(tables, ignored))
    needed: list[str] = []
    for field in ranked:
        if _kinds(tables, [*needed, field]) > _kinds(tables, needed):
            needed.append(field)
    more = [field for field in ranked if field not in needed and field not in FOLLOWS]
    said = {*needed, *more[: max(0, most - len(needed))]}
    return [field for field in ranked if field in said]


def said_fields(fields: Sequence[str], table: Mapping[str, Any]) -> list[str]:
    """``fields`` with their values in ``table``, as ``d_model 128``; the whole name where two are called alike."""
    ranked = _ranked(fields)
    short = [field_name(field) for field in ranked]
    called = [name if short.count(name) == 1 else field for field, name in zip(ranked, short, strict=True)]
    return [f"{name} {said_value(table.get(field))}" for field, name in zip(ranked, called, strict=True)]


def _ranked(fields: Sequence[str]) -> list[str]:
    """What people change first, then the others in their order."""
    return sorted(fields, key=lambda field: (FIRST.index(field) if field in FIRST else len(FIRST), field in FOLLOWS))


def _kinds(tables: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> int:
    return len({tuple(repr(table.get(field)) for field in fields) for table in tables})


def field_name(field: str) -> str:
    """A field as people call it: ``optim.learning_rate`` -> learning_rate; the two seeds stay apart."""
    return field if field == "data.seed" else field.rpartition(".")[2]


def said_value(value: object) -> str:
    """A field's value as a short text; a dash for none."""
    return "–" if value is None else str(value)
