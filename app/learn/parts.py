"""Chapter: attention or FFN, which part of a layer to share."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import streamlit as st

from app import navigation, state
from app.design.designs import Costed, component_sizes, cost
from app.design.painting import paint
from app.design.sharing_map import map_preview
from app.learn.chapter import Chapter, Choice, Estimate, Source
from app.look.colours import strategy_colours
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import compact, exact, percent, times
from app.runs.names import ready_names
from app.services import show_problem, store
from clps_core.analysis.counts import count
from clps_core.config import ModelConfig
from clps_core.errors import ClpsError
from clps_core.presets import PRESETS
from clps_core.samples.ready import Ready, ready_named
from clps_core.samples.shipped import Figures, figures_of
from clps_core.samples.stories import design_name, judge_of, shown_spread, test_head
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

WIDTHS, WIDTH, LAYERS = (512, 1024, 2048, 4096), 512, 6
USUAL_FFN = 2048
FFN, SHARED, PAINTED, PROBLEM = (f"learn.parts.{name}" for name in ("width", "shared", "painted", "problem"))
DESIGNS = ("none", "attention=all", "ffn=all", "all")
PARTS = ("attention", "ffn", "norm")


def _model(width: int) -> ModelConfig:
    return ModelConfig(
        family="decoder", num_layers=LAYERS, d_model=WIDTH, d_ff=width, num_heads=8, vocab_size=8000, max_positions=512
    )


def _names() -> dict[str, str]:
    return {
        "none": _("Nothing"),
        "attention=all": _("Attention"),
        "ffn=all": _("FFN"),
        "all": _("Both"),
    }


def _stored(design: Costed, *parts: str) -> int:
    """Parameters stored in the layers, of some parts."""
    return sum(design.counts.by_part[part].unique for part in parts if part in design.counts.by_part)


def _left(strategy: str, width: int = USUAL_FFN) -> float:
    """Which share of the layers' parameters is still stored."""
    model = _model(width)
    return _stored(cost(model, strategy), *PARTS) / _stored(cost(model, "none"), *PARTS)


def _claim() -> str:
    return _(
        "Sharing a part saves as much as that part is large. Usually the FFN is the larger one. What it costs in "
        "quality is another question: only training answers it."
    )


def _asks() -> str:
    return _(
        "A decoder has {n} layers of width {d}, with an FFN of width {f}. All layers now use one attention; each keeps "
        "its own FFN. What share of the layers' weights is still stored?",
        n=LAYERS,
        d=WIDTH,
        f=f"{USUAL_FFN:,}",
    )


def _why() -> str:
    whole = cost(_model(USUAL_FFN), "none")
    return _(
        "Attention holds {attention} of a layer's weights here, the FFN {ffn}, the norms the rest. With one attention "
        "for all layers, {left} of the layers' weights are still stored; with one FFN for all layers, {other}.",
        attention=percent(_stored(whole, "attention") / _stored(whole, *PARTS)),
        ffn=percent(_stored(whole, "ffn") / _stored(whole, *PARTS)),
        left=percent(_left("attention=all")),
        other=percent(_left("ffn=all")),
    )


# Counting


def _act() -> None:
    st.markdown(_("**What each choice stores**"))
    _count()
    st.markdown(_("**What each choice costs**"))
    _quality()


def _count() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        width = st.segmented_control(
            _("Width of the FFN (d_ff); the model is {d} wide", d=WIDTH), WIDTHS, default=USUAL_FFN,
            format_func=lambda one: f"{one:,}", key=FFN, required=True, wrap=True,
        )  # fmt: skip
        names = _names()
        st.segmented_control(
            _("All layers share"), DESIGNS, default=DESIGNS[1], format_func=lambda one: names.get(one, one), key=SHARED,
            on_change=_chosen, wrap=True,
        )  # fmt: skip
    width = width or USUAL_FFN
    model, painted = _model(width), str(st.session_state.get(PAINTED, DESIGNS[1]))
    map_preview(cost(model, painted), component_sizes(model), _painted, "learn.parts.map")
    st.caption(_("Or paint it: select a cell, then how much of the layer changes, then the weights it gets."))
    if problem := st.session_state.pop(PROBLEM, None):
        show_problem(str(problem))
    _sizes(model, painted)
    st.markdown(_by_hand(width))


def _chosen() -> None:
    if (asked := st.session_state.get(SHARED)) in DESIGNS:
        st.session_state[PAINTED] = asked


def _painted(action: Mapping[str, Any]) -> None:
    if action.get("kind") != "paint":
        return
    try:
        found = paint(_model(USUAL_FFN), str(st.session_state.get(PAINTED, DESIGNS[1])), action)
    except ClpsError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[PAINTED] = found
    st.session_state[SHARED] = None  # what is painted is none of the four, or is said by the map


def _sizes(model: ModelConfig, painted: str) -> None:
    """What is stored of each part, of the four choices and of a painted map that is none of them."""
    names = _names()
    designs = {one: cost(model, one) for one in DESIGNS}
    if not any(one.map == cost(model, painted).map for one in designs.values()):
        designs[painted] = cost(model, painted)
        names[painted] = _("Your map")
    whole = _stored(designs["none"], *PARTS)
    colours = strategy_colours(designs)
    rows = []
    for strategy, design in designs.items():
        layers = _stored(design, *PARTS)
        attention, ffn, norm = (
            Figure(compact(size), exact(size)) for size in (_stored(design, part) for part in PARTS)
        )
        share = Figure(percent(layers / whole), part=layers / whole)
        cells = [attention, ffn, norm, Figure(compact(layers), exact(layers)), share]
        rows.append(Row(names[strategy], colours[strategy], cells, strategy, chosen=strategy == painted))
    columns = [
        (_("Shared"), ""),
        (_("Attention"), ""),
        (_("FFN"), ""),
        (_("Norms"), ""),
        (_("Layers"), _("stored in all layers together, without the token table")),
        (_("Compared with no sharing"), ""),
    ]
    figure_table(_("Parameters stored in the layers"), columns, rows)


def _by_hand(width: int) -> str:
    attention, ffn = 4 * WIDTH**2, 2 * WIDTH * width
    return _(
        "Why d_ff decides: attention has four matrices of d_model times d_model, the FFN two of d_model times d_ff. "
        "Attention: 4 · {d} · {d} = {attention}. FFN: 2 · {d} · {f} = {ffn}, which is d_ff / (2 · d_model) = {times} "
        "as much. Biases are not included.",
        d=WIDTH,
        f=width,
        attention=exact(attention),
        ffn=exact(ffn),
        times=times(ffn / attention),
    )


# Quality


def _found() -> dict[str, tuple[Ready, Figures]]:
    """The four designs that ship, by what all layers share."""
    whole, parts = ready_named("pairs"), ready_named("parts")
    by = {(ready.key, one.design.key): one for ready in (whole, parts) for one in figures_of(ready)}
    return {
        "none": (whole, by["pairs", "none"]),
        "attention": (parts, by["parts", "attention"]),
        "ffn": (parts, by["parts", "ffn"]),
        "all": (whole, by["pairs", "all"]),
    }


def _scores(shared: str) -> tuple[float, ...]:
    ready, figures = _found()[shared]
    return figures.test[judge_of(ready).name]


def _run_ids() -> list[str]:
    return [ready.run_id(one.design, seed) for ready, one in _found().values() for seed in ready.seeds]


def _quality() -> None:
    found = _found()
    metric = judge_of(found["none"][0])
    colours = strategy_colours(one.strategy for _ready, one in found.values())
    rows = [
        Row(
            design_name(ready, one),
            colours[one.strategy],
            [Figure(compact(one.stored), exact(one.stored)), shown_spread(one.spread(metric.name), metric)],
            one.strategy,
            also=ready_names(ready)[one.design.key],
        )
        for ready, one in found.values()
    ]
    columns = [(_("Design"), ""), (_("Stored"), ""), (test_head(found["none"][0], metric.title), "")]
    seeds = len(found["none"][0].seeds)
    figure_table(_("Key-value facts, learned by heart"), columns, rows)
    st.caption(
        ngettext(
            "Trained for equally many steps. Mean ± standard deviation over {n} seed.",
            "Trained for equally many steps. Mean ± standard deviation over {n} seeds.",
            seeds,
        )
    )
    ids = _run_ids()
    if len(store().some_runs(ids, places=False)) < len(ids):
        st.caption(_('To open these runs, press "Import the ready comparisons" on Start.'))
    with st.container(horizontal=True):
        navigation.link("compare", _("Open these runs"), query={state.RUNS: state.run_ids(ids)})
        for task, label in (("pairs", _("Train them live")), ("docstrings", _("Train them on text"))):
            navigation.link("train", label, query={state.STRATEGY: list(DESIGNS), state.SPEC: f"1;task={task}"})


def _seen() -> str:
    means = {shared: fmean(_scores(shared)) for shared in _found()}
    stored = {shared: figures.stored for shared, (_ready, figures) in _found().items()}
    known = {
        "none": percent(means["none"]),
        "attention": percent(means["attention"]),
        "ffn": percent(means["ffn"]),
        "all": percent(means["all"]),
        "a": exact(stored["attention"]),
        "f": exact(stored["ffn"]),
    }
    if means["all"] < min(means["attention"], means["ffn"]) < max(means["attention"], means["ffn"]) < means["none"]:
        said = _(
            "In these runs sharing one part stores {a} (attention) or {f} parameters (FFN). It costs less than "
            "sharing both: {attention} or {ffn} of the pairs are known, against {none} with nothing shared and {all} "
            "with both.",
            **known,
        )
    else:
        said = _(
            "In these runs sharing one part stores {a} (attention) or {f} parameters (FFN). Known pairs: {none} with "
            "nothing shared, {attention} with one attention, {ffn} with one FFN, {all} with both shared.",
            **known,
        )
    return f"{said} {_apart()}"


def _apart() -> str:
    """Whether the two parts differ, seed by seed."""
    gaps = [100 * (one - other) for one, other in zip(_scores("attention"), _scores("ffn"), strict=True)]
    listed = ", ".join(f"{gap:+.1f}".replace("-", "−") for gap in gaps)
    if min(gaps) > 0 or max(gaps) < 0:
        return _(
            "Shared attention minus shared FFN, seed by seed, in points: {gaps}. All seeds agree, but there are few "
            "of them: Compare says whether they are enough.",
            gaps=listed,
        )
    return _(
        "Shared attention minus shared FFN, seed by seed, in points: {gaps}. The sign changes, so neither part is "
        "clearly the better one to share.",
        gaps=listed,
    )


def _open() -> str:
    return _(
        "These inputs have two symbols only, so attention has little to do. Where it has more to do, sharing it may "
        "cost more. No runs on text that share one part ship with CLPS Lab: train them with the button above."
    )


def _albert() -> str:
    sizes = {
        key: compact(count(preset.model, preset.sharing).unique_parameters)
        for key in ("albert-base-not-shared", "albert-base-shared-attention", "albert-base-shared-ffn", "albert-base")
        for preset in (PRESETS[key],)
    }
    nothing, attention, ffn, both = sizes.values()
    return _(
        "Average score on five tasks, with token embeddings of 128 numbers (parameters as counted here): no sharing "
        "81.6 ({nothing}), shared attention 81.7 ({attention}), shared FFN 80.2 ({ffn}), all shared 80.1 ({both}). "
        "With embeddings of 768 numbers: 82.3, 81.6, 79.5 and 79.8 (table 4).",
        nothing=nothing,
        attention=attention,
        ffn=ffn,
        both=both,
    )


CHAPTER = Chapter(
    "parts",
    lambda: _("Attention or FFN"),
    8,
    lambda: _(
        "A layer has two large parts: attention, and the feed-forward network (FFN). One can be shared without the "
        "other. Which one is worth it?"
    ),
    _claim,
    Estimate(_asks, lambda: _left("attention=all"), _why),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("Width {d}, and an FFN of width {d}, too. Which part of a layer stores more?", d=WIDTH),
            lambda: {
                "attention": _("Attention"),
                "ffn": _("The FFN"),
                "same": _("The same in both"),
            },
            lambda: "attention",
            lambda: _(
                "Four matrices of attention, {attention} weights, against two of the FFN, {ffn}. The FFN is the larger "
                "part only if d_ff is more than twice d_model.",
                attention=exact(4 * WIDTH**2),
                ffn=exact(2 * WIDTH**2),
            ),
        ),
        Choice(
            lambda: _("All layers share one FFN. What happens to the computation for one token?"),
            lambda: {
                "less": _("It falls, because only one FFN is left"),
                "same": _("It stays the same"),
            },
            lambda: "same",
            lambda: _("Every layer still runs its FFN. Only the weights are stored once."),
        ),
        Choice(
            lambda: _(
                "ALBERT's table has 81.7 with shared attention and 81.6 without sharing. Does sharing attention help?"
            ),
            lambda: {
                "yes": _("Yes, by a tenth of a point"),
                "unknown": _("That cannot be said from the two numbers"),
            },
            lambda: "unknown",
            lambda: _(
                "Without the spread over several seeds, nobody knows how much such an average varies by itself. With "
                "larger embeddings the same table says the opposite: 81.6 with shared attention, 82.3 without sharing."
            ),
        ),
    ),
    (
        Source("Lan et al. 2019, ALBERT", "https://arxiv.org/abs/1909.11942", _albert),
        Source(
            "Pires et al. 2023, One Wide Feedforward Is All You Need",
            "https://arxiv.org/abs/2309.01826",
            lambda: _(
                "In translation one FFN for the whole encoder, and none in the decoder, costs a modest part of the "
                "accuracy. So the FFN is not always the part to keep."
            ),
        ),
    ),
    uses=("attention", "ffn", "norm", "embedding"),
)
