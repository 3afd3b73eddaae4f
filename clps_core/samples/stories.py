"""What each ready comparison shows and does not show, with the figures of its shipped runs. Start at story_of.

Every sentence states a claim. Where the shipped runs do not bear it out - somebody trained them anew - the figures are
said without it. The same text stands on Start and, from ``python -m clps_core.samples.make --readme``, in the README.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from textwrap import wrap

from clps_core.metrics import Metric
from clps_core.numbers import percent
from clps_core.samples.ready import READY, Ready, ready_named
from clps_core.samples.shipped import Figures, figures_of
from clps_core.sweeps.results import Spread
from clps_core.tasks import get_task
from clps_core.words import _, in_a_sentence, in_english, ngettext

__all__ = [
    "FAR",
    "Story",
    "as_markdown",
    "design_name",
    "judge_of",
    "shown_spread",
    "stories",
    "story_of",
    "test_head",
    "title_of",
    "titled",
]

FAR = 8
"""Loops at which the comparison of depths is read: past ``MOST_TRAINED``."""
MOST_TRAINED = 6
GUESSED = 0.45
"""Accuracy up to which a choice of three counts as a guess."""
ALIKE = 0.02
"""Accuracies nearer than this count as equally good in a sentence."""


@dataclass(frozen=True)
class Story:
    """``shows`` and ``leaves_open``: a sentence or two. ``holds``: the shipped runs bear out what is claimed."""

    ready: Ready
    shows: str
    leaves_open: str
    holds: bool


def title_of(ready: Ready) -> str:
    """What a comparison is called."""
    return {
        "hops": _("Loops win: two-hop lookup"),
        "pairs": _("Sharing costs: key-value facts"),
        "parts": _("Attention or FFN: key-value facts"),
        "docstrings": _("In between: documentation text"),
        "cups": _("Depth at test time: shell game"),
        "mnist": _("Loops help: handwritten digits"),
        "spoken": _("Loops help: spoken digits"),
        "dates": _("Costs little: translate dates"),
    }[ready.key]


def test_head(ready: Ready, metric: str) -> str:
    """The heading of scores on the test split; with the number of loops, where other columns have others.

    The test split of the pairs is half of those that are trained.
    """
    if ready.base["data"]["task"] == "pairs":
        return _("{metric}, trained pairs", metric=metric)
    if not ready.loops:
        return _("{metric}, test", metric=metric)
    loops = {config.config.model.num_layers for config in ready.configs(ready.seeds[:1])}
    return _("{metric}, test, {n} loops", metric=metric, n="/".join(map(str, sorted(loops))))


def titled(ready: Ready, name: str) -> str:
    """What the comparison of ``ready`` that a store calls ``name`` is called: its title, unless somebody renamed it."""
    with in_english():
        first = title_of(ready)
    return title_of(ready) if name == first else name


def design_name(ready: Ready, figures: Figures) -> str:
    """What a design of a comparison is called in words."""
    return {
        "hops": {"1-all": _("1 layer, run once"), "3-all": _("1 layer, run 3 times"), "3-none": _("3 layers")},
        "pairs": {"none": _("4 layers"), "cycle-2": _("2 layers, run twice"), "all": _("1 layer, run 4 times")},
        "parts": {"attention": _("4 layers, one attention"), "ffn": _("4 layers, one FFN")},
        "docstrings": {"none": _("4 layers"), "all": _("1 layer, run 4 times"), "1-all": _("1 layer, run once")},
        "cups": {
            "fixed": _("1 layer, trained with 4 loops"),
            "random": _("1 layer, trained with 2 to 6 loops"),
        },
        "mnist": {"none": _("4 layers"), "all": _("1 layer, run 4 times"), "1-all": _("1 layer, run once")},
        "spoken": {"none": _("4 layers"), "all": _("1 layer, run 4 times"), "1-all": _("1 layer, run once")},
        "dates": {
            "none": _("4 + 4 layers"),
            "all": _("1 + 1 layers, run 4 times"),
            "cycle": _("2 + 2 layers, run twice"),
        },
    }[ready.key][figures.design.key]


def judge_of(ready: Ready) -> Metric:
    """The metric by which a comparison is read."""
    return get_task(str(ready.base["data"]["task"])).judged_by


def shown_spread(spread: Spread, metric: Metric) -> str:
    """``98.1 ± 0.4 %``, ``2.146 ± 0.010 bits``: mean and standard deviation over the seeds; of one seed the mean."""
    if spread.deviation is None:
        return metric.shown(spread.mean)
    if not metric.percent:
        mean, deviation = metric.without_unit(spread.mean), metric.without_unit(spread.deviation)
        return f"{mean} ± {deviation} {metric.unit}".rstrip()
    return _("{mean} ± {deviation} %", mean=f"{100 * spread.mean:.1f}", deviation=f"{100 * spread.deviation:.1f}")


def story_of(ready: Ready, figures: Sequence[Figures] | None = None) -> Story:
    """What the shipped runs of ``ready`` show, or those of other ``figures``."""
    figures = figures_of(ready) if figures is None else figures
    holds, shows, leaves_open = TELLERS[ready.key](ready, {one.design.key: one for one in figures})
    if holds:
        return Story(ready, shows, leaves_open, holds)
    metric = judge_of(ready)
    plain = "; ".join(f"{design_name(ready, one)}: {shown_spread(one.spread(metric.name), metric)}" for one in figures)
    return Story(ready, _("{metric} on test data: {figures}.", metric=metric.title, figures=plain), leaves_open, holds)


def stories() -> list[Story]:
    """All of them, in the order in which people are shown them."""
    return [story_of(ready) for ready in READY]


Told = tuple[bool, str, str]


def _hops(_ready: Ready, by: dict[str, Figures]) -> Told:
    once, looped, stored = (by[key].test["accuracy"] for key in ("1-all", "3-all", "3-none"))
    holds = (
        min(looped) > max(once)
        and min(stored) > max(once)
        and fmean(looped) > fmean(stored) - ALIKE
        and by["1-all"].stored == by["3-all"].stored < by["3-none"].stored
    )
    shows = _(
        "One stored layer that runs three times gives {looped} right answers, three stored layers give {stored}. A "
        "layer that was trained to run once gives {once}, and a baseline without training ({baseline}) {guess}.",
        looped=percent(fmean(looped)),
        stored=percent(fmean(stored)),
        once=percent(fmean(once)),
        baseline=get_task("hops").baseline_name,
        guess=percent(get_task("hops").test_baseline),
    )
    leaves_open = _(
        "It does not show that loops win on text: this task is little more than two lookups, one after the other."
    )
    return holds, shows, leaves_open


def _pairs(_ready: Ready, by: dict[str, Figures]) -> Told:
    four, two, one = (by[key].test["accuracy"] for key in ("none", "cycle-2", "all"))
    holds = min(four) > max(two) and min(two) > max(one)
    shows = _(
        "After the same number of steps, four stored layers have memorised {four} of the pairs, two layers {two}, "
        "and one layer {one}.",
        four=percent(fmean(four)),
        two=percent(fmean(two)),
        one=percent(fmean(one)),
    )
    leaves_open = _(
        "It does not show how much the weights could store after more steps, and it says nothing about new "
        "pairs: the score is on pairs from training."
    )
    return holds, shows, leaves_open


def _parts(_ready: Ready, by: dict[str, Figures]) -> Told:
    attention, ffn = (by[key].test["accuracy"] for key in ("attention", "ffn"))
    beside = {one.design.key: one.test["accuracy"] for one in figures_of(ready_named("pairs"))}
    nothing, both = beside["none"], beside["all"]
    holds = min(nothing) > max(*attention, *ffn) and min(*attention, *ffn) > max(both)
    shows = _(
        "Four layers that share one part know less than four that share nothing, but more than a single layer that "
        "runs four times ({nothing} and {both}, from “{other}”): {attention} of the pairs with one attention for all, "
        "{ffn} with one FFN for all.",
        other=title_of(ready_named("pairs")),
        nothing=percent(fmean(nothing)),
        both=percent(fmean(both)),
        attention=percent(fmean(attention)),
        ffn=percent(fmean(ffn)),
    )
    leaves_open = _(
        "It does not show which part to share elsewhere: here attention and FFN store equally much, but usually "
        "the FFN stores more."
    )
    return holds, shows, leaves_open


def _in_between(ready: Ready, by: dict[str, Figures]) -> tuple[bool, float, float, float, str]:
    """Whether one layer run four times lies between four layers and one run once, on every seed; the means of the three
    (lower is better); and the part of the gap that looping makes up for."""
    errors = [by[key].test[judge_of(ready).name] for key in ("none", "all", "1-all")]
    four, looped, once = map(fmean, errors)
    holds = max(errors[0]) < min(errors[1]) and max(errors[1]) < min(errors[2])
    return holds, four, looped, once, percent((once - looped) / (once - four), 0) if holds else ""


def _docstrings(ready: Ready, by: dict[str, Figures]) -> Told:
    holds, four, looped, once, back = _in_between(ready, by)
    shows = _(
        "On a text that no run was trained on, four stored layers need {four} bits per byte, one stored layer that "
        "runs four times needs {looped}, and one trained to run once needs {once}. Running four times instead of once "
        "makes up for {back} of the gap to four stored layers.",
        four=f"{four:.2f}",
        looped=f"{looped:.2f}",
        once=f"{once:.2f}",
        back=back,
    )
    leaves_open = _(
        "It does not show which design is best at a given size: the shared layer could be wider and still store no "
        "more than the four layers do. Longer training may change the differences, too."
    )
    return holds, shows, leaves_open


def _cups(_ready: Ready, by: dict[str, Figures]) -> Told:
    drawn, fixed = by["random"].depth, by["fixed"].depth
    losses = {loops: fmean(metrics["loss"]) for loops, metrics in drawn.items()}
    lowest, most = min(losses, key=losses.__getitem__), max(losses)
    far, trained = drawn[FAR]["accuracy"], drawn[MOST_TRAINED]["accuracy"]
    holds = min(far) > max(fixed[FAR]["accuracy"]) and losses[most] > losses[lowest]
    known = {
        "trained": MOST_TRAINED,
        "far": FAR,
        "drawn": percent(fmean(far)),
        "own": percent(fmean(trained)),
        "fixed": percent(fmean(fixed[FAR]["accuracy"])),
    }
    if all(one > other for one, other in zip(far, trained, strict=True)):
        shows = _(
            "Trained with 2 to {trained} random loops and run {far} times, one layer names the right cup in {drawn} "
            "of the cases (after each swap of validation games), more than with {trained} loops ({own}). Trained with "
            "exactly 4 loops, it does in {fixed}.",
            **known,
        )
    else:
        shows = _(
            "Trained with 2 to {trained} random loops and run {far} times, one layer names the right cup in {drawn} "
            "of the cases (after each swap of validation games; {own} with {trained} loops). Trained with exactly 4 "
            "loops, it does in {fixed}.",
            **known,
        )
    return holds, shows, _loss_rises(losses, lowest, most, guessed=fmean(drawn[FAR]["swap_12"]) < GUESSED)


def _loss_rises(losses: Mapping[int, float], lowest: int, most: int, *, guessed: bool) -> str:
    """That more loops are not always better; ``guessed``: the last swap is no better than a guess."""
    known = {"lowest": lowest, "low": f"{losses[lowest]:.2g}", "high": f"{losses[most]:.2g}", "most": most}
    if guessed:
        return _(
            "It does not show that more loops are always better: the loss is lowest with {lowest} loops ({low}) and "
            "higher with {most} ({high}), and the position after the last swap remains a guess.",
            **known,
        )
    return _(
        "It does not show that more loops are always better: the loss is lowest with {lowest} loops ({low}) and "
        "higher with {most} ({high}).",
        **known,
    )


def _mnist(_ready: Ready, by: dict[str, Figures]) -> Told:
    four, looped, once = (by[key].test["accuracy"] for key in ("none", "all", "1-all"))
    holds = min(four) > max(looped) > min(looped) > max(once) and by["all"].stored == by["1-all"].stored
    shows = _(
        "One stored layer that runs four times reads {looped} of the test images right, with {share} of the parameters "
        "of four stored layers ({four}). A layer of the same size that was trained to run once reads {once} right.",
        looped=percent(fmean(looped)),
        four=percent(fmean(four)),
        once=percent(fmean(once)),
        share=percent(by["all"].stored / by["none"].stored, 0),
    )
    leaves_open = _(
        "It does not show what sharing costs a good reader of digits: these models are small and see 3,500 images. "
        "LeNet-5, trained on all 60,000, misread 0.95 % of the test images (LeCun et al. 1998)."
    )
    return holds, shows, leaves_open


def _spoken(ready: Ready, by: dict[str, Figures]) -> Told:
    holds, four, looped, once, back = _in_between(ready, by)
    shows = _(
        "On spoken digits in noise, the word error rate is {four} with four stored layers, {looped} with one stored "
        "layer that runs four times, and {once} with one trained to run once. Running four times instead of once makes "
        "up for {back} of the gap to four stored layers.",
        four=percent(four),
        looped=percent(looped),
        once=percent(once),
        back=back,
    )
    leaves_open = _(
        "It does not show how well a shared layer understands other voices: all digits are one voice, recorded once "
        "each."
    )
    return holds, shows, leaves_open


def _dates(ready: Ready, by: dict[str, Figures]) -> Told:
    matches = [one.spread("exact_match").mean for one in by.values()]
    holds = max(matches) - min(matches) < ALIKE
    shows = _(
        "All three designs translate {low} or more of the unseen dates correctly, with {least} to {most} stored "
        "parameters: here sharing costs almost nothing.",
        low=percent(min(matches)),
        least=f"{min(one.stored for one in by.values()):,}",
        most=f"{max(one.stored for one in by.values()):,}",
    )
    seeds = len(ready.seeds)
    leaves_open = ngettext(
        "It does not show that sharing is free: the task is easy for all designs, and each was trained with {n} seed.",
        "It does not show that sharing is free: the task is easy for all designs, and each was trained with {n} seeds.",
        seeds,
    )
    return holds, shows, leaves_open


TELLERS: dict[str, Callable[[Ready, dict[str, Figures]], Told]] = {
    "hops": _hops,
    "pairs": _pairs,
    "parts": _parts,
    "docstrings": _docstrings,
    "cups": _cups,
    "mnist": _mnist,
    "spoken": _spoken,
    "dates": _dates,
}


def as_markdown() -> str:
    """The section of the README: a heading, two sentences and a table for each comparison."""
    return "\n\n".join(_section(story) for story in stories()) + "\n"


def _section(story: Story) -> str:
    metric = judge_of(story.ready)
    judged = in_a_sentence(metric.title)
    heads: tuple[str, ...] = (_("design"), _("stored parameters"), test_head(story.ready, judged))
    figures = figures_of(story.ready)
    far = [(FAR, _("{metric} with {n} loops, validation"))] if story.ready.loops else []
    heads += tuple(text.format(metric=judged, n=loops) for loops, text in far)
    lines = [heads, ("---",) * len(heads), *(_line(story.ready, one, metric) for one in figures)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    seeds = ngettext("{n} seed", "{n} seeds", len(story.ready.seeds))
    words = _(
        "**{title}** ({seeds}). {shows} *{open}*",
        title=title_of(story.ready), seeds=seeds, shows=story.shows, open=story.leaves_open,
    )  # fmt: skip
    return "\n".join(wrap(words, 118)) + f"\n\n{table}"


def _line(ready: Ready, figures: Figures, metric: Metric) -> Sequence[str]:
    name, stored = design_name(ready, figures), f"{figures.stored:,}"
    cells = [name, stored, shown_spread(figures.spread(metric.name), metric)]
    if ready.loops and (there := Spread.of(figures.depth[FAR][metric.name])) is not None:
        cells.append(shown_spread(there, metric))
    return cells
