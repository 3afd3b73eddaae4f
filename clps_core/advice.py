"""Whether to share, and which design to take: three answers in, one or two designs out. Start at advise.

Pure: every figure is counted, nothing is trained. What is said of a design is named in its ``claims``; each claim is
a check of its figures beside those of the unshared design within the same limit (``CLAIMS``), so that a test can ask
for every answer whether what is said holds. Which of two designs is *better* no count can say: for that, an advice
names the ready comparison that is nearest to what the task needs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

from clps_core.analysis.counts import count
from clps_core.analysis.flops import context_length, train_flops_per_token
from clps_core.analysis.memory import activation_bytes
from clps_core.config import ModelConfig, RunConfig, SharingConfig, build_config, resolve
from clps_core.sharing.plan import SharingPlan

__all__ = [
    "CLAIMS",
    "LAYERS",
    "LIMITS",
    "NEEDS",
    "SCARCE",
    "Advice",
    "Advised",
    "Answers",
    "Design",
    "Need",
    "Scarce",
    "Verdict",
    "advise",
    "design_of",
    "every_answer",
    "with_strategy",
]

Scarce = Literal["weights", "cache", "training_time", "answer_time", "training_memory"]
Need = Literal["facts", "steps", "text"]
Verdict = Literal["share", "keep", "read", "dial"]
"""Share weights; share none; share no weights, but keys and values; share, and turn the loops down for an answer."""
SCARCE: tuple[Scarce, ...] = get_args(Scarce)
NEEDS: tuple[Need, ...] = get_args(Need)
LIMITS = (250_000, 1_000_000, 5_000_000, 25_000_000, 100_000_000)
"""Stored parameters that a model may have at most, of which people choose one."""

LAYERS, FEWER_LAYERS = 6, 3
TASK = "docstrings"
"""A language model of bytes: its small table leaves nearly all parameters to the layers."""
EVIDENCE: Mapping[Need, str] = {"facts": "pairs", "steps": "hops", "text": "docstrings"}
"""What a task needs -> the ready comparison about it."""
PARTS = 4
"""Micro-batches of a step where activations are to become smaller."""
WIDTHS = (*range(16, 512, 8), *range(512, 8193, 32))
"""At each of them the heads are equally wide, by an even number, as rotary positions need it."""


@dataclass(frozen=True)
class Answers:
    """``scarce``: what there is too little of; ``need``: what the task is made of.

    ``most``: how many parameters may be stored. Raises ``ValueError`` for what is none of these.
    """

    scarce: Scarce
    need: Need
    most: int

    def __post_init__(self) -> None:
        if self.scarce not in SCARCE or self.need not in NEEDS or self.most not in LIMITS:
            raise ValueError(self)


class Design(NamedTuple):
    """The figures of one design that claims are checked with.

    ``stored`` and ``ffn``: parameters in all and of the feed-forward networks; ``unshared``: no weight is used twice
    and no layer reads another's activations; ``flops``: of training, per token; ``fewest_flops``: with the fewest
    loops it can run; ``cache``: bytes per token; ``state``: bytes of weights, gradients and the optimiser's state;
    ``activations``: bytes that one micro-batch keeps for the backward pass.
    """

    layers: int
    width: int
    stored: int
    ffn: int
    own_ffn: bool
    unshared: bool
    flops: int
    fewest_flops: int
    cache: int
    state: int
    activations: int


@dataclass(frozen=True)
class Advised:
    """One design: ``reason`` is the key of the sentence about it, ``claims`` are names in ``CLAIMS``."""

    reason: str
    config: RunConfig
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Advice:
    """``plain``: the unshared design within the limit.

    ``evidence``: key of the nearest ready comparison; ``None`` where none is about what is advised.
    """

    verdict: Verdict
    plain: RunConfig
    designs: tuple[Advised, ...]
    evidence: str | None


Claim = Callable[[Design, Design, int], bool]
CLAIMS: Mapping[str, Claim] = {
    "fits": lambda one, _plain, most: one.stored <= most,
    "unshared": lambda one, _plain, _most: one.unshared,
    "stores_less": lambda one, plain, _most: one.stored < plain.stored,
    "same_stored": lambda one, plain, _most: one.stored == plain.stored,
    "wider": lambda one, plain, _most: one.width > plain.width,
    "more_ffn": lambda one, plain, _most: one.own_ffn and one.ffn > plain.ffn,
    "same_depth": lambda one, plain, _most: one.layers == plain.layers,
    "half_depth": lambda one, plain, _most: 2 * one.layers == plain.layers,
    "same_work": lambda one, plain, _most: one.flops == plain.flops,
    "more_work": lambda one, plain, _most: one.flops > plain.flops,
    "less_work": lambda one, plain, _most: one.flops < plain.flops,
    "similar_work": lambda one, plain, _most: 0.75 * plain.flops < one.flops < 1.1 * plain.flops,
    "half_work": lambda one, plain, _most: 0.4 * plain.flops < one.flops < 0.6 * plain.flops,
    "dial": lambda one, plain, _most: one.fewest_flops < one.flops and one.fewest_flops < plain.flops,
    "same_cache": lambda one, plain, _most: one.cache == plain.cache,
    "half_cache": lambda one, plain, _most: 2 * one.cache == plain.cache,
    "less_state": lambda one, plain, _most: one.state < plain.state,
    "same_state": lambda one, plain, _most: one.state == plain.state,
    "same_activations": lambda one, plain, _most: one.activations == plain.activations,
    "less_activations": lambda one, plain, _most: one.activations < plain.activations,
}
"""Name -> whether it holds for a design, beside the unshared one within the same limit of stored parameters."""


def every_answer() -> Iterator[Answers]:
    """All that can be answered."""
    return (Answers(*one) for one in product(SCARCE, NEEDS, LIMITS))


def advise(answers: Answers) -> Advice:
    """The designs for ``answers``, the best known first."""
    plain = _widest("none", answers.most)
    verdict, designs = {
        "weights": _weights,
        "cache": _cache,
        "training_time": _training_time,
        "answer_time": _answer_time,
        "training_memory": _training_memory,
    }[answers.scarce](plain, answers)
    evidence = {"read": None, "dial": "cups"}.get(verdict, EVIDENCE[answers.need])
    return Advice(verdict, plain, designs, evidence)


def with_strategy(config: RunConfig, strategy: str) -> RunConfig:
    """``config`` with another strategy, at the same sizes."""
    return config.model_copy(update={"sharing": SharingConfig(strategy=strategy)})


@lru_cache(maxsize=512)
def design_of(config: RunConfig) -> Design:
    """What ``config`` comes to, counted."""
    found = resolve(config)
    model, plan = found.config.model, found.plan
    counts = count(model, plan, optim=found.config.optim)
    ffn = counts.by_part["ffn"]
    reads = any(plan.reuse[stack].read(kind) for stack in plan.reuse for kind in ("kv_source", "attention_source"))
    return Design(
        layers=model.num_layers,
        width=model.d_model,
        stored=counts.unique_parameters,
        ffn=ffn.unique,
        own_ffn=ffn.unique == ffn.executed,
        unshared=counts.unique_parameters == counts.executed_parameters and not reads,
        flops=counts.train_flops_per_token,
        fewest_flops=_fewest_flops(model, plan) or counts.train_flops_per_token,
        cache=counts.kv_cache_bytes_per_token,
        state=counts.training_bytes,
        activations=activation_bytes(found),
    )


def _fewest_flops(model: ModelConfig, plan: SharingPlan) -> int | None:
    """Of the fewest loops that were trained; ``None`` where the number of loops is fixed."""
    loops = plan.extras.train_loops
    if loops is None:
        return None
    fewest = replace(plan, extras=replace(plan.extras, train_loops=(loops[0], loops[0])))
    return train_flops_per_token(model, fewest, context_length(model))


Found = tuple[Verdict, tuple[Advised, ...]]


def _weights(plain: RunConfig, answers: Answers) -> Found:
    if answers.need == "facts":
        attention = _widest("attention=all,ffn=none", answers.most)
        return "keep", (
            Advised("facts", plain, ("fits", "unshared")),
            Advised("attention", attention, ("fits", "more_ffn", "wider")),
        )
    strategy, same, wider = {
        "steps": ("all", "repeat", "repeat_wider"),
        "text": ("sequence:3", "twice", "twice_wider"),
    }[answers.need]
    return "share", (
        Advised(same, with_strategy(plain, strategy), ("fits", "stores_less", "same_work", "same_cache", "same_depth")),
        Advised(wider, _widest(strategy, answers.most), ("fits", "wider", "more_work", "same_depth")),
    )


def _cache(plain: RunConfig, _answers: Answers) -> Found:
    heads = plain.model.num_heads // 2
    return "read", (
        Advised("read", with_strategy(plain, "none,kv_source=every:2"), ("fits", "half_cache", "less_work")),
        Advised("fewer_heads", _changed(plain, num_kv_heads=heads), ("fits", "half_cache", "less_work", "unshared")),
    )


def _training_time(plain: RunConfig, answers: Answers) -> Found:
    return "keep", (Advised("no_time", plain, ("fits", "unshared")), _faster(plain, answers))


def _answer_time(plain: RunConfig, answers: Answers) -> Found:
    if answers.need == "steps":
        loops = with_strategy(plain, f"all,train_loops=2-{LAYERS}")
        return "dial", (Advised("dial", loops, ("fits", "dial", "stores_less")), _faster(plain, answers))
    wide = _widest("none", answers.most, num_layers=FEWER_LAYERS)
    shallow = Advised("shallow", wide, ("fits", "unshared", "half_depth", "wider", "similar_work"))
    fewer = _faster(plain, answers)
    return "keep", (shallow, fewer) if answers.need == "facts" else (fewer, shallow)


def _training_memory(plain: RunConfig, answers: Answers) -> Found:
    parts = plain.train.model_copy(update={"accumulate": PARTS})
    if answers.need == "facts":
        smaller = plain.model_copy(update={"train": parts})
        return "keep", (Advised("parts", smaller, ("fits", "unshared", "same_state", "less_activations")),)
    shared = with_strategy(plain, "all" if answers.need == "steps" else "sequence:3")
    smaller = shared.model_copy(update={"train": parts})
    return "share", (
        Advised("gradients", shared, ("fits", "less_state", "same_activations", "same_work")),
        Advised("gradients_parts", smaller, ("fits", "less_state", "less_activations", "same_work")),
    )


def _faster(plain: RunConfig, answers: Answers) -> Advised:
    """Half the computation, without sharing: fewer layers, or narrower ones where the task needs every step."""
    if answers.need == "steps":
        return Advised("narrower", _half_as_much(plain), ("fits", "unshared", "half_work", "same_depth"))
    fewer = _changed(plain, num_layers=FEWER_LAYERS)
    return Advised("fewer_layers", fewer, ("fits", "unshared", "half_work", "half_depth"))


def _half_as_much(plain: RunConfig) -> RunConfig:
    goal = design_of(plain).flops / 2
    place = bisect_right(WIDTHS, goal, key=lambda width: design_of(_config("none", width)).flops)
    near = [_config("none", width) for width in WIDTHS[max(0, place - 1) : place + 1]]
    return min(near, key=lambda one: abs(design_of(one).flops - goal))


@lru_cache(maxsize=64)
def _widest(strategy: str, most: int, num_layers: int = LAYERS) -> RunConfig:
    """The widest design of ``strategy`` that stores at most ``most`` parameters."""
    place = bisect_right(WIDTHS, most, key=lambda width: design_of(_config(strategy, width, num_layers)).stored)
    return _config(strategy, WIDTHS[max(0, place - 1)], num_layers)


def _changed(config: RunConfig, **sizes: Any) -> RunConfig:
    return config.model_copy(update={"model": config.model.model_copy(update=sizes)})


def _config(strategy: str, width: int, num_layers: int = LAYERS) -> RunConfig:
    heads = 4 if width < 512 else 8 if width < 1024 else 16
    return build_config(
        {
            "data": {"task": TASK},
            "model": {"num_layers": num_layers, "d_model": width, "d_ff": 4 * width, "num_heads": heads},
            "sharing": {"strategy": strategy},
        }
    )
