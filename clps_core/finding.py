"""The small language in which runs are searched: ``status:finished d_model>=64 tag:paper``. Start at parse_where.

::

    where := term ...                     all terms must hold
    term  := [-] word | [-] "some words"  in the name, id, task, strategy, tags, notes or comparison of a run
           | [-] KEY OP VALUE             OP is one of  :  =  !=  <  <=  >  >=
           | sort:KEY  |  sort:-KEY       the smallest first, or the largest

``-`` turns a term round. ``a|b`` after ``:``, ``=`` or ``!=`` means one of them, ``text*`` every text that begins so.
Text with blanks stands in quotes. KEY is a key below, a field of the config (its last word is enough where only one
field has it), or a metric: ``test.accuracy``, ``best.accuracy`` (or ``accuracy`` alone), ``last.accuracy``,
``train.loss``.

Only the language is here; ``store.found`` asks the store. No streamlit, no torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, get_args

from pydantic import BaseModel

from clps_core.config import RunConfig
from clps_core.errors import ConfigError
from clps_core.metrics import METRICS
from clps_core.sharing import parse_strategy
from clps_core.shown import has_control
from clps_core.suggestions import nearest
from clps_core.tasks import TASKS
from clps_core.words import _, shown

__all__ = [
    "LONGEST",
    "MOST_TERMS",
    "Key",
    "Kind",
    "Term",
    "Where",
    "field_keys",
    "key_named",
    "parse_where",
    "with_equals",
]

LONGEST = 500
"""Characters of one search."""
MOST_TERMS = 20
MOST_VALUES = 20

Kind = Literal["word", "text", "exact", "tag", "flag", "number", "moment", "field", "metric"]

COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "id": ("exact", "id"),
    "name": ("text", "name"),
    "task": ("exact", "task"),
    "strategy": ("exact", "strategy"),
    "status": ("exact", "status"),
    "owner": ("exact", "owner"),
    "device": ("exact", "device"),
    "precision": ("exact", "precision"),
    "parent": ("exact", "parent_id"),
    "comparison": ("text", "comparison"),
    "note": ("text", "notes"),
    "tag": ("tag", "tags"),
    "is": ("flag", ""),
    "seed": ("number", "seed"),
    "step": ("number", "step"),
    "steps": ("number", "steps"),
    "parameters": ("number", "unique_parameters"),
    "executed": ("number", "executed_parameters"),
    "seconds": ("number", "seconds"),
    "cpu_seconds": ("number", "cpu_seconds"),
    "tokens_per_second": ("number", "tokens_per_second"),
    "attempts": ("number", "attempts"),
    "priority": ("number", "priority"),
    "created": ("moment", "created_at"),
    "finished": ("moment", "finished_at"),
}
"""Key -> how it is compared, and the column of the table ``run``."""
ALSO = {"notes": "note", "tags": "tag", "unique_parameters": "parameters", "executed_parameters": "executed"}
FLAGS = ("archived", "fork", "imported", "pinned", "noted", "tagged")
SPLITS = {"test": "test", "best": "best", "last": "validation", "validation": "validation", "train": "train"}
"""What stands before a metric -> which of its values; ``validation`` is the last evaluation."""
TRAINED = ("loss", "gradient_norm", "learning_rate", "tokens_per_second")

_TERM = re.compile(
    r"(?P<minus>-?)(?:(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)(?P<op>!=|<=|>=|:|=|<|>))?(?P<value>.*)", re.DOTALL
)
_PART = re.compile(r'(?:[^\s"]|"[^"]*")+')
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Key:
    """What a term compares: ``name`` as people write it, ``path`` the column, the field or the metric.

    ``split``: of a metric, ``test``, ``best``, ``validation`` (its last evaluation) or ``train``. ``default``: of a
    field, what runs have that are older than it. ``numeric``: whether it is compared as a number; ``boolean``: as
    true or false.
    """

    name: str
    kind: Kind
    path: str
    split: str = ""
    numeric: bool = False
    boolean: bool = False
    default: Any = None


@dataclass(frozen=True)
class Term:
    """One condition; ``values`` are alternatives: numbers for a numeric key, else texts (``None``: no value)."""

    key: Key
    op: str
    values: tuple[float | str | None, ...]
    negated: bool = False


@dataclass(frozen=True)
class Where:
    """A search that has been read: all ``terms`` must hold. ``sort``: by what, the largest first if ``descending``."""

    terms: tuple[Term, ...] = ()
    sort: Key | None = None
    descending: bool = False

    @property
    def asks_for_archived(self) -> bool:
        """Whether it says itself which archived runs it wants."""
        return any(term.key.kind == "flag" and "archived" in term.values for term in self.terms)


def parse_where(text: str) -> Where:
    """Read a search; raises ``ConfigError``, which says what must stand in its place."""
    if len(text) > LONGEST:
        raise ConfigError(
            _("a filter must have at most {limit} characters. Got {got}. Shorten it.", limit=LONGEST, got=len(text))
        )
    if has_control(" ".join(text.split())):
        raise ConfigError(_("a filter must have visible characters only. Got {got}.", got=shown(text)))
    if text.count('"') % 2:
        raise ConfigError(_("a filter must have quotes in pairs. Got {got}. Add the missing quote.", got=shown(text)))
    parts = _PART.findall(text)
    if len(parts) > MOST_TERMS:
        raise ConfigError(
            _("a filter must have at most {limit} terms. Got {got}. Use fewer.", limit=MOST_TERMS, got=len(parts))
        )
    terms: list[Term] = []
    sort: Key | None = None
    descending = False
    for part in parts:
        if part.startswith("sort:"):
            wanted = part.removeprefix("sort:")
            descending = wanted.startswith("-")
            sort = _sorted_by(wanted.removeprefix("-"))
        else:
            terms.append(_term(part))
    return Where(tuple(terms), sort, descending)


def with_equals(where: Where, given: Mapping[str, str | Sequence[str] | None]) -> Where:
    """``where``, and beside it keys that must have one of their values exactly; ``None`` asks nothing."""
    terms = [
        Term(key_named(name), ":", (wanted,) if isinstance(wanted, str) else tuple(wanted))
        for name, wanted in given.items()
        if wanted is not None
    ]
    return replace(where, terms=(*where.terms, *terms))


def _term(part: str) -> Term:
    found = _TERM.fullmatch(part)
    assert found is not None  # every text is a value
    key, op, value, negated = found["key"], found["op"], found["value"], bool(found["minus"])
    if key is None:
        word = _unquoted(value)
        if not word:
            raise ConfigError(_("a term of a filter must not be empty. Got {got}. Remove it.", got=shown(part)))
        return Term(Key("", "word", ""), ":", (word,), negated)
    known = key_named(key)
    if not _unquoted(value):
        raise ConfigError(
            _("{key} must be compared with a value. Got none. Write one after {op}", key=known.name, op=op)
        )
    if op == "!=":
        op, negated = ":", not negated
    op = ":" if op == "=" else op
    if op != ":" and not known.numeric:
        raise ConfigError(
            _("{key} is text and must be compared with :, = or !=. Got {got}.", key=known.name, got=shown(part))
        )
    whole = value.startswith('"') or op != ":"
    texts = [_unquoted(value)] if whole else [_unquoted(one) for one in value.split("|")]
    if len(texts) > MOST_VALUES:
        raise ConfigError(_("a term must have at most {limit} values. Got {got}.", limit=MOST_VALUES, got=len(texts)))
    return Term(known, op, tuple(_value(known, text) for text in texts), negated)


def _unquoted(text: str) -> str:
    return text.replace('"', "").strip()


def _value(key: Key, text: str) -> float | str | None:
    if key.kind == "moment":
        return _day(key, text)
    if key.kind == "flag" and text not in FLAGS:
        raise ConfigError(
            _("'is:' must be followed by one of {known}. Got {got}.", known=", ".join(FLAGS), got=shown(text))
        )
    if key.kind == "field" and text.lower() in ("null", "none") and key.path != "sharing.strategy":
        return text.lower() if text.lower() == "none" and not (key.numeric or key.boolean) else None
    if key.boolean:
        return _truth(key, text)
    if key.numeric:
        return _number(key, text)
    if key.path in ("strategy", "sharing.strategy") and not text.endswith("*"):
        try:
            return parse_strategy(text).text
        except ConfigError:
            return text
    return text


def _truth(key: Key, text: str) -> float:
    if text.lower() not in ("true", "false"):
        raise ConfigError(_("{key} must be compared with true or false. Got {got}.", key=key.name, got=shown(text)))
    return float(text.lower() == "true")


def _number(key: Key, text: str) -> float:
    scale = 0.01 if text.endswith("%") and key.kind == "metric" else 1.0
    try:
        number = float(text.removesuffix("%") if scale != 1.0 else text.replace("_", "").replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(_("{key} must be compared with a number. Got {got}.", key=key.name, got=shown(text)))
    return number * scale


def _day(key: Key, text: str) -> float:
    """The first moment of a day, in UTC."""
    try:
        if _DAY.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        pass
    raise ConfigError(
        _("{key} must be compared with a day such as 2026-05-31 (UTC). Got {got}.", key=key.name, got=shown(text))
    )


def _sorted_by(name: str) -> Key:
    key = key_named(name) if name else None
    if key is None or key.kind in ("flag", "tag"):
        raise ConfigError(
            _(
                "'sort:' must be followed by a sortable field, such as created, d_model or accuracy. Got {got}.",
                got=shown(name),
            )
        )
    return key


def key_named(name: str) -> Key:
    """The key of this name; raises ``ConfigError``, which names the likeliest."""
    name = ALSO.get(name, name)
    if name in COLUMNS:
        kind, column = COLUMNS[name]
        return Key(name, kind, column, numeric=kind in ("number", "moment"))
    fields = field_keys()
    if name in fields:
        return fields[name]
    short = [key for full, key in fields.items() if full.rpartition(".")[2] == name]
    if len(short) == 1:
        return short[0]
    if short:
        raise ConfigError(
            _(
                "{name} must match exactly one field. Got several: {fields}. Choose one.",
                name=name,
                fields=", ".join(one.name for one in short),
            )
        )
    if (metric := _metric_key(name)) is not None:
        return metric
    likely = _likely(name)
    hint = _(" Did you mean {name}?", name=likely) if likely else ""
    raise ConfigError(
        _(
            "a filter must name a field of the config, a metric such as test.accuracy, or one of {known}. Got "
            "{got}.{hint} Put quotes around text that has : or = in it.",
            known=", ".join(COLUMNS),
            got=shown(name),
            hint=hint,
        )
    )


def _likely(name: str) -> str | None:
    """The key that was probably meant."""
    before, dot, metric = name.partition(".")
    if dot and before in SPLITS:
        found = nearest(metric, _metrics())
        return found and f"{before}.{found}"
    fields = field_keys()
    return nearest(name, [*COLUMNS, *fields, *(one.rpartition(".")[2] for one in fields), *_metrics()])


def _metrics() -> list[str]:
    """The metrics of all tasks that can be used, and those that only test scores have."""
    of_tasks = (name for one in TASKS.usable().values() for name in one.metrics)
    return list(dict.fromkeys([*of_tasks, *METRICS, *TRAINED]))


def _metric_key(name: str) -> Key | None:
    before, dot, metric = name.partition(".")
    if not dot:
        before, metric = ("train", name) if name in TRAINED and name != "loss" else ("best", name)
    if before not in SPLITS or metric not in _metrics():
        return None
    return Key(name, "metric", metric, split=SPLITS[before], numeric=True)


@lru_cache(maxsize=1)
def field_keys() -> Mapping[str, Key]:
    """Full name -> the key of every field of the config."""
    return dict(_fields(RunConfig, RunConfig()))


def _fields(kind: type[BaseModel], usual: BaseModel, prefix: str = "") -> Iterator[tuple[str, Key]]:
    for name, field in kind.model_fields.items():
        value = getattr(usual, name)
        if isinstance(value, BaseModel):
            yield from _fields(type(value), value, f"{prefix}{name}.")
            continue
        types = set(_leaves(field.annotation))
        boolean, full = bool in types, prefix + name
        default = float(value) if isinstance(value, bool) else value
        numeric = not boolean and bool(types & {int, float})
        yield full, Key(full, "field", full, numeric=numeric or boolean, boolean=boolean, default=default)


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation is made of."""
    inner = [one for one in get_args(annotation) if isinstance(one, type) or get_args(one)]
    if not inner or isinstance(annotation, type):
        yield annotation
    for one in inner:
        yield from _leaves(one)
