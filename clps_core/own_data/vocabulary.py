"""How texts become tokens: tokenizers by the ``tokenizers`` library, and figures. Start at vocabulary.

A tokenizer is trained on a sample of the training part alone, once; it is kept with the data set, so that a run and the
page that shows it use the same one. Beside it stand the figures that a person wants before training: vocabulary size,
lengths, and what a trivial answer gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clps_core.data.base import SPLITS, digest
from clps_core.data.scores import constant_answer, constant_text
from clps_core.errors import DataError
from clps_core.files import parsed_json, read_regular
from clps_core.own_data.brought import LARGEST_TOKENIZER, bring, check_use, trace
from clps_core.own_data.locks import one_at_a_time
from clps_core.own_data.record import MODEL_ROLES, DataSet, Kind
from clps_core.own_data.rows import Array, Index, read_index, some_texts
from clps_core.own_data.span_rows import baselines as span_baselines
from clps_core.own_data.span_rows import known_of
from clps_core.own_data.span_rows import measured as measured_spans
from clps_core.own_data.tokenizing import parsed_tokenizer, special_ids, trained, with_specials
from clps_core.shown import has_control
from clps_core.words import _

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "Vocabulary",
    "made",
    "names_file",
    "typed_inputs",
    "vocabulary",
    "with_default",
]

SAMPLE_CHARACTERS = 4_000_000
"""Of the training part that a tokenizer is trained on."""
MEASURED_ROWS = 2000
"""Of each split, in the order of evaluation (training: evenly spread), whose lengths are measured."""
BASELINE_ROWS = {"validation": 200, "test": 2000}
ENOUGH_FOR_BPE = 100_000
SHORT_TEXT = 64
LONGEST_INPUT, LONGEST_CONTEXT = 300, 3000
BEGINNINGS, LONGEST_BEGINNING = (7, 4, 2, 1), 120
"""Words of a beginning, the first that fits; its characters."""
TRIED_TEXTS = 50
"""On which a tokenizer is tried that somebody brought."""
EXAMPLES = 20
"""Of each length."""
LAYOUT = 1


@dataclass(frozen=True)
class Vocabulary:
    """``spec``: as in ``data.tokenizer``. ``specials``: ids of pad, bos, eos and unknown.

    ``lengths``: role (``text``, ``target``; of marked answers see ``span_rows.measured``) -> tokens of each measured
    training text, sorted. ``tokens``: split ->
    tokens of all its texts with one special token each way; measured where ``exact``, else an estimate. ``baselines``:
    split -> metric -> value of the best constant answer. ``examples``: held-out inputs that a form can hold, with their
    tokens. ``sample``: characters that it was trained on.
    """

    spec: str
    tokenizer: str
    size: int
    specials: tuple[int, int, int, int]
    lengths: Mapping[str, tuple[int, ...]]
    tokens: Mapping[str, int]
    exact: bool
    baselines: Mapping[str, Mapping[str, float]]
    examples: tuple[tuple[str, int], ...]
    sample: int

    @property
    def fingerprint(self) -> str:
        """Of the tokenizer alone."""
        return digest("clps vocabulary", self.tokenizer, *self.specials)

    @property
    def spells_bytes(self) -> bool:
        """Whether its tokens spell every text byte for byte, so that bits per byte can be told."""
        return self.spec.partition(":")[0] in ("bytes", "bpe")

    def length_at(self, role: str, share: float) -> int:
        """Tokens within which ``share`` of the measured texts stay."""
        found = self.lengths[role]
        return found[min(len(found) - 1, int(share * len(found)))]

    def cut_share(self, role: str, length: int) -> float:
        """The share of the measured texts that have more than ``length`` tokens."""
        found = np.array(self.lengths[role])
        return float((found > length).mean())


def vocabulary(folder: Path, record: DataSet, spec: str | None = None) -> Vocabulary:
    """The tokenizer ``spec`` (by default the data set's own), trained and measured when it is first asked for."""
    kind, size = parsed_tokenizer(spec or record.tokenizer)
    return _vocabulary(
        folder, record.fingerprint, f"{kind}:{size}" if size else kind, record.kind, _trace(folder, kind)
    )


def _trace(folder: Path, kind: str) -> tuple[int, ...]:
    """Of what else a vocabulary depends on: a data set of the same name and rows may come with another tokenizer."""
    return trace(folder) if kind == "file" else ()


def made(folder: Path, record: DataSet, spec: str | None) -> tuple[bool, int]:
    """Whether the tokenizer ``spec`` is kept already, and how many are."""
    kind, size = parsed_tokenizer(spec or record.tokenizer)
    place = folder / "vocabularies"
    known = {path.name for path in place.glob("*.json")}
    return _file_name(record.fingerprint, f"{kind}:{size}" if size else kind) in known, len(known)


def _file_name(fingerprint: str, spec: str) -> str:
    return f"{digest('vocabulary', LAYOUT, fingerprint, spec)[:24]}.json"


@lru_cache(maxsize=64)
def _vocabulary(folder: Path, fingerprint: str, spec: str, kind: Kind, _trace: tuple[int, ...]) -> Vocabulary:
    name = _file_name(fingerprint, spec)
    found = _read(folder, name)
    if found is None:
        with one_at_a_time(folder):
            found = _read(folder, name) or _made(folder, spec, kind)
            _write(folder, name, found)
    return found


def with_default(folder: Path, record: DataSet, asked: str | None) -> DataSet:
    """``record`` with the tokenizer that was ``asked`` for (a path: of a tokenizer.json), or a likely one, made."""
    if asked is not None and names_file(asked):
        bring(asked, folder)
        asked = "file"
    kind, size = parsed_tokenizer(asked or _likely(record))
    if kind == "file" and not (folder / "tokenizer.json").exists():
        raise DataError(_("the tokenizer 'file' needs a tokenizer.json. Give its path when you add the data."))
    spec = f"{kind}:{size}" if size else kind
    _vocabulary(folder, record.fingerprint, spec, record.kind, _trace(folder, kind))
    _vocabulary.cache_clear()  # the folder moves
    return record.model_copy(update={"tokenizer": spec})


def names_file(asked: str) -> bool:
    """Whether ``asked`` is the path of a tokenizer.json, not one of the tokenizers that are made here."""
    return asked.endswith(".json")


def _likely(record: DataSet) -> str:
    if record.kind == "span":
        return "bpe:2000"  # an answer is a few tokens then, and a context fits
    short = record.kind == "translation" and record.statistics["characters"]["p90"] <= SHORT_TEXT
    return "characters" if short or record.characters < ENOUGH_FOR_BPE else "bpe:2000"


# Kept beside the data


def _read(folder: Path, name: str) -> Vocabulary | None:
    try:
        plain = parsed_json(read_regular(folder, "vocabularies", name, limit=LARGEST_TOKENIZER))
        plain["lengths"] = {role: tuple(one) for role, one in plain["lengths"].items()}
        plain |= {
            "specials": tuple(plain["specials"]),
            "examples": tuple((text, size) for text, size in plain["examples"]),
        }
        return Vocabulary(**plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(folder: Path, name: str, found: Vocabulary) -> None:
    place = folder / "vocabularies" / name
    place.parent.mkdir(exist_ok=True, mode=0o700)
    temporary = place.with_suffix(".writing")
    temporary.write_text(json.dumps(vars(found)))
    temporary.replace(place)


# Made


def _made(folder: Path, spec: str, kind: Kind) -> Vocabulary:
    index = read_index(folder)
    roles = MODEL_ROLES[kind]
    training = index.of_split("train")
    if spec == "file":
        tokenizer, sample = with_specials(folder), 0
    else:
        name, size = parsed_tokenizer(spec)
        texts = _training_sample(folder, training, roles)
        tokenizer, sample = trained(name, size, texts), sum(map(len, texts))
    tokenizer.encode_special_tokens = True
    ids = special_ids(tokenizer)
    if spec == "file":
        few = some_texts(folder, _spread(training, TRIED_TEXTS), roles)
        check_use(tokenizer, ids, [one for column in few.values() for one in column])
    main = roles[0]
    measured = {split: _measured(folder, index, split, roles, tokenizer, ids[3]) for split in SPLITS}
    counts = {split: len(index.of_split(split)) for split in SPLITS}
    return Vocabulary(
        spec=spec,
        tokenizer=tokenizer.to_str(),
        size=tokenizer.get_vocab_size(),
        specials=ids,
        lengths=_lengths(folder, index, kind, measured["train"], tokenizer, ids[3]),
        tokens={
            split: round(sum(len(row) + 2 for row in rows[main]) / max(1, len(rows[main])) * counts[split])
            for split, rows in measured.items()
        },
        exact=all(count <= MEASURED_ROWS for count in counts.values()),
        baselines=_span_baselines(folder, index, measured)
        if kind == "span"
        else {split: _baselines(kind, index, split, measured[split], ids) for split in ("validation", "test")},
        examples=tuple(
            (one, len(tokenizer.encode(one, add_special_tokens=False).ids) + 1)
            for one in _examples(folder, index.of_split("test")[:200], kind)
        ),
        sample=sample,
    )


def _lengths(
    folder: Path, index: Index, kind: Kind, measured: Mapping[str, list[list[int]]], tokenizer: Tokenizer, unknown: int
) -> dict[str, tuple[int, ...]]:
    """See ``Vocabulary.lengths``."""
    if kind != "span":
        return {role: tuple(sorted(map(len, rows))) for role, rows in measured.items()}
    places = _spread(index.of_split("train"), MEASURED_ROWS)
    return {role: tuple(one) for role, one in measured_spans(folder, index, places, tokenizer, unknown).items()}


def _span_baselines(
    folder: Path, index: Index, measured: Mapping[str, Mapping[str, list[list[int]]]]
) -> dict[str, dict[str, float]]:
    known = known_of(folder, index)
    return {
        split: span_baselines(folder, index.of_split(split)[: BASELINE_ROWS[split]], known,
                              [len(row) for row in measured[split]["context"][: BASELINE_ROWS[split]]])
        for split in ("validation", "test")
    }  # fmt: skip


def _examples(folder: Path, places: Array, kind: Kind) -> list[str]:
    """Held-out inputs that a form can hold; of marked answers one question and, after it, its context."""
    found = some_texts(folder, places, MODEL_ROLES[kind])
    if kind != "span":
        return typed_inputs(found["text"], kind)
    pairs = zip(found["question"], found["context"], strict=True)
    fitting = [pair for pair in pairs if len(pair[0]) <= LONGEST_INPUT and not any(map(has_control, pair))]
    shortest = min(fitting, key=lambda pair: (len(pair[1]), pair), default=None)
    return list(shortest) if shortest is not None and len(shortest[1]) <= LONGEST_CONTEXT else []


def _training_sample(folder: Path, training: Array, roles: Sequence[str]) -> list[str]:
    """Texts evenly spread over the training part, of about ``SAMPLE_CHARACTERS`` together."""
    few = _spread(training, 200)
    mean = sum(len(one) for column in some_texts(folder, few, roles).values() for one in column) / len(few)
    places = _spread(training, max(200, int(SAMPLE_CHARACTERS / max(1.0, mean))))
    return [one for column in some_texts(folder, places, roles).values() for one in column]


def _spread(places: Array, count: int) -> Array:
    if len(places) <= count:
        return places
    return places[np.linspace(0, len(places) - 1, count).round().astype(np.int64)]


# Measured


def _measured(
    folder: Path, index: Index, split: str, roles: Sequence[str], tokenizer: Tokenizer, unknown: int
) -> dict[str, list[list[int]]]:
    """Role -> the tokens of up to ``MEASURED_ROWS`` texts of ``split``."""
    places = index.of_split(split)
    places = _spread(places, MEASURED_ROWS) if split == "train" else places[:MEASURED_ROWS]
    found = some_texts(folder, places, roles)
    return {
        role: [code.ids or [unknown] for code in tokenizer.encode_batch(found[role], add_special_tokens=False)]
        for role in roles
    }


def _baselines(
    kind: str, index: Index, split: str, measured: Mapping[str, list[list[int]]], ids: tuple[int, int, int, int]
) -> dict[str, float]:
    """Every metric of the best constant answer to the first rows of ``split``."""
    count = BASELINE_ROWS[split]
    if kind == "classification":
        accuracy, loss = constant_answer(index.labels[index.of_split(split)[:count]])
        return {"loss": loss, "accuracy": accuracy}
    if kind == "translation":
        exact, token_accuracy, loss = constant_text([np.array([*row, ids[2]]) for row in measured["target"][:count]])
        return {"loss": loss, "token_accuracy": token_accuracy, "exact_match": exact}
    token_accuracy, loss = constant_answer(
        np.array([one for row in measured["text"] for one in (ids[1], *row, ids[2])])
    )
    known = [one for row in measured["text"] for one in row if one != ids[3]]
    inner, _loss = constant_answer(np.array(known, dtype=np.int64))
    return {
        "loss": loss,
        "token_accuracy": token_accuracy,
        "perplexity": float(np.exp(loss)),
        "masked_accuracy": inner,  # no special token is masked
    }


def typed_inputs(texts: Sequence[str], kind: str) -> list[str]:
    """Inputs that a form can hold and that can be typed as they are: whole texts, then the first words of some."""
    groups = [[" ".join(text.split()[:count])[:LONGEST_BEGINNING] for text in texts] for count in BEGINNINGS]
    if kind != "generation":
        groups.insert(0, [text for text in texts if len(text) <= LONGEST_INPUT])
    harmless = (dict.fromkeys(one for one in group if one and not has_control(one)) for group in groups)
    return list(dict.fromkeys(one for group in harmless for one in list(group)[:EXAMPLES]))
