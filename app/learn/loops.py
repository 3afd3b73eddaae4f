"""Chapter: the number of loops as a dial, and what happens beyond the trained number."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from app import navigation, state
from app.learn.chapter import Chapter, Choice, Source
from app.look.charts import AXIS, figure
from app.look.colours import strategy_colours
from app.look.formatting import percent
from app.look.plotted import plotted
from clps_core.samples.ready import Ready, ready_named
from clps_core.samples.shipped import Figures, figures_of
from clps_core.samples.stories import design_name
from clps_core.words import _, sentences

__all__ = ["CHAPTER"]

TRAINED, FAR = 4, 8


def _ready() -> Ready:
    return ready_named("cups")


def _by() -> Mapping[str, Figures]:
    return {one.design.key: one for one in figures_of(_ready())}


def _mean(design: str, loops: int, metric: str) -> float:
    return fmean(_by()[design].depth[loops][metric])


def _best(design: str, metric: str, *, lowest: bool) -> int:
    """The number of loops with the best mean."""
    found = {loops: _mean(design, loops, metric) for loops in _by()[design].depth}
    return (min if lowest else max)(found, key=found.__getitem__)


def _claim() -> str:
    return _("More loops than in training can help, up to a point, if the layer was trained for it.")


def _asks() -> str:
    return _(
        "In the shell game a model follows a ball under three cups. A layer was trained to run {trained} times. "
        "Now it runs {far} times, without more training. What happens to the share of right answers?",
        trained=TRAINED,
        far=FAR,
    )


def _right() -> str:
    before, after = _mean("fixed", TRAINED, "accuracy"), _mean("fixed", FAR, "accuracy")
    return "rises" if after > before + 0.01 else "falls" if after < before - 0.01 else "stays"


def _why() -> str:
    return _(
        "On validation data it goes from {before} at {trained} loops to {after} at {far}. A layer that was "
        "trained with 2 to 6 loops, drawn at random, goes from {drawn} to {drawn_far}.",
        before=percent(_mean("fixed", TRAINED, "accuracy")),
        after=percent(_mean("fixed", FAR, "accuracy")),
        drawn=percent(_mean("random", TRAINED, "accuracy")),
        drawn_far=percent(_mean("random", FAR, "accuracy")),
        trained=TRAINED,
        far=FAR,
    )


def _act() -> None:
    for metric, title in (("accuracy", _("Right answers")), ("loss", _("Loss"))):
        _chart(metric, title)
    navigation.link(
        "depth", _("Turn the dial on the Depth page"), query={state.RUNS: state.run_ids(list(_ready().run_ids()))}
    )


def _chart(metric: str, title: str) -> None:
    import plotly.graph_objects as go

    made = figure(x_title=_("loops"), y_title=title, height=300)
    colours = strategy_colours(one.strategy for one in figures_of(_ready()))
    for one in figures_of(_ready()):
        loops = sorted(one.depth)
        means = [fmean(one.depth[number][metric]) for number in loops]
        made.add_trace(
            go.Scatter(x=loops, y=means, name=design_name(_ready(), one), mode="lines+markers",
                       line={"color": colours[one.strategy]})
        )  # fmt: skip
    if metric == "accuracy":
        made.update_yaxes(tickformat=".0%")
    made.update_layout(legend={"orientation": "h", "y": 1.12, "x": 0})
    made.add_vline(
        x=TRAINED,
        line={"dash": "dot", "width": 1, "color": AXIS},
        annotation_text=_("{n} loops", n=TRAINED),
        annotation_position="bottom right",
    )
    alt = _("{title} against the number of loops, for {n} designs", title=title, n=len(figures_of(_ready())))
    plotted(made, key=f"learn.loops.{metric}", alt=alt, title=title, name=("loops", metric))


def _seen() -> str:
    best = _best("random", "loss", lowest=True)
    far = max(_by()["random"].depth)
    known = {
        "best": best,
        "low": f"{_mean('random', best, 'loss'):.2f}",
        "far": far,
        "high": f"{_mean('random', far, 'loss'):.2f}",
        "right": percent(_mean("random", best, "accuracy")),
        "right_far": percent(_mean("random", far, "accuracy")),
    }
    if _mean("random", far, "loss") > _mean("random", best, "loss"):
        loss = _(
            "Trained with random loops, the loss is lowest at {best} loops ({low}) and higher at {far} ({high}); "
            "correct answers go from {right} to {right_far}.",
            **known,
        )
        if _mean("random", far, "accuracy") < _mean("random", best, "accuracy"):
            return sentences((loss, _("Answers that get worse with more loops are called overthinking.")))
        if _mean("fixed", FAR, "accuracy") < _mean("fixed", TRAINED, "accuracy"):
            other = _(
                "The layer that was trained with {trained} loops gives fewer right answers at {far}: answers that get "
                "worse with more loops are called overthinking.",
                trained=TRAINED,
                far=FAR,
            )
            return sentences((loss, other))
        return sentences((loss, _("If the answers got worse as well, this would be called overthinking.")))
    return _(
        "Trained with random loops, the loss is lowest at {best} loops ({low}), with {right} right answers.", **known
    )


def _open() -> str:
    return _(
        "It is one task with 12 swaps, and means of three seeds of a small model. Where the best number of loops lies "
        "depends on the task and on how the loops were trained."
    )


CHAPTER = Chapter(
    "loops",
    lambda: _("Loops as a dial"),
    6,
    lambda: _("One stored layer that runs several times is a loop. After training it can run more or fewer times."),
    _claim,
    Choice(
        _asks,
        lambda: {"rises": _("It rises"), "stays": _("It stays within one point"), "falls": _("It falls")},
        _right,
        _why,
    ),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("Which training made more loops help in this task?"),
            lambda: {
                "fixed": _("One fixed number of loops"),
                "random": _("Numbers of loops that are drawn at random"),
                "wide": _("A wider layer"),
            },
            lambda: "random",
            lambda: _(
                "Here the layer that always stopped after four loops got worse with more, and the other one got better."
            ),
        ),
        Choice(
            lambda: _("Twice as many loops take ..."),
            lambda: {
                "store": _("twice as many stored parameters"),
                "compute": _("about twice as much computation in these layers"),
                "none": _("nothing more, as the weights are shared"),
            },
            lambda: "compute",
            lambda: _("The stored weights stay the same. Each loop is computed."),
        ),
        Choice(
            lambda: _("The loss rises with more loops while the share of right answers stays. What happens?"),
            lambda: {
                "sure": _("Wrong answers are given with more certainty"),
                "forget": _("The model forgets its weights"),
                "data": _("The data become harder"),
            },
            lambda: "sure",
            lambda: _("The loss also counts how probable the model takes the right answer to be."),
        ),
    ),
    (
        Source(
            "Geiping et al. 2025, Scaling up Test-Time Compute with Latent Reasoning",
            "https://arxiv.org/abs/2502.05171",
            lambda: _("Trains a looped core with numbers of loops that are drawn at random."),
        ),
        Source(
            "Bansal et al. 2022, End-to-end Algorithm Synthesis with Recurrent Networks",
            "https://arxiv.org/abs/2202.05826",
            lambda: _("Introduces the term overthinking: answers get worse when a network runs for longer."),
        ),
    ),
    uses=("stored-parameters", "accuracy", "loss"),
)
