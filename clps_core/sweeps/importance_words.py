"""What an importance means, in sentences for every reader. Start at said."""

from __future__ import annotations

from clps_core.config.telling import field_name
from clps_core.sweeps.importance import FORESTS, Importance
from clps_core.words import _, ngettext

__all__ = ["left_out", "said"]

MUCH_CHANCE = 0.3
"""From this share on that seeds alone would make, the order is called doubtful."""


def said(found: Importance) -> list[str]:
    """How the shares came about, on what they rest, and what they do not tell; or why there are none."""
    sentences = [found.problem] if found.problem is not None else [_method(found), *_doubts(found)]
    if found.together:
        fields = "; ".join(" = ".join(map(field_name, names)) for names in found.together)
        text = _("These fields change together, so nothing tells their effects apart: {fields}.", fields=fields)
        sentences.append(text)
    if found.left_out and found.method != "forest":
        sentences.append(left_out(found.left_out))
    elif found.left_out:
        text = _("It rests on {used} of {total} configurations.", used=found.used, total=found.total)
        sentences.append(text)
    return sentences


def left_out(count: int) -> str:
    """That configurations without whole trainings do not count."""
    return ngettext(
        "{n} configuration is left out: a run of it failed, ended early, was stopped or goes on.",
        "{n} configurations are left out: a run of each failed, ended early, was stopped or goes on.",
        count,
    )


def _method(found: Importance) -> str:
    if found.method == "grid":
        return _(
            "Share of the variance of quality over the {n} configurations of a complete grid, exactly (functional "
            "analysis of variance): a field alone, or two fields together beyond both.",
            n=found.used,
        )
    return _(
        "Estimated from {n} configurations: share of the variance of what a random forest answers over the values that "
        "occur; it foretold {explained} of the variance of configurations that it was not shown. ± is the standard "
        "deviation over {forests} forests that learned from other draws of the configurations.",
        n=found.used,
        explained=f"{found.explained or 0.0:.0%}",
        forests=FORESTS,
    )


def _doubts(found: Importance) -> list[str]:
    text = _("It tells what these values did here, not what other values would do.")
    if found.method != "grid":
        return [text, _("How much of it is chance of the seeds is not told.")]
    if found.chance is None:
        return [
            text,
            _("Without two seeds or folds that all configurations have, nothing tells how much of it is chance."),
        ]
    share = f"{found.chance:.1%}"
    chance = _(
        "Seeds alone would make {share} of the variance. ± is the standard deviation of the shares that each of the "
        "{n} seeds or folds shows alone; ~ marks what may be chance (F test in blocks, 95 %, Holm).",
        share=share,
        n=found.replicates,
    )
    doubt = [_("So much of it is chance that the order is doubtful: add seeds.")] if found.chance >= MUCH_CHANCE else []
    return [text, chance, *doubt]
