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
        text = _("These fields change together, so their effects cannot be separated: {fields}.", fields=fields)
        sentences.append(text)
    if found.left_out and found.method != "forest":
        sentences.append(left_out(found.left_out))
    elif found.left_out:
        text = _("Based on {used} of {total} configurations.", used=found.used, total=found.total)
        sentences.append(text)
    return sentences


def left_out(count: int) -> str:
    """That configurations without whole trainings do not count."""
    return ngettext(
        "{n} configuration is left out: at least one of its runs failed, ended early, was stopped or is not finished.",
        "{n} configurations are left out: at least one run of each failed, ended early, was stopped or is not "
        "finished.",
        count,
    )


def _method(found: Importance) -> str:
    if found.method == "grid":
        return _(
            "Share of the variance of quality over the {n} configurations of a complete grid, computed exactly "
            "(functional ANOVA): for a field alone, or for two fields together beyond their separate effects.",
            n=found.used,
        )
    return _(
        "Estimated from {n} configurations: share of the variance of a random forest's predictions over the values "
        "that occur. The forest predicted {explained} of the variance of configurations it had not seen. ± is the "
        "standard deviation over {forests} forests, each trained on another sample of the configurations.",
        n=found.used,
        explained=f"{found.explained or 0.0:.0%}",
        forests=FORESTS,
    )


def _doubts(found: Importance) -> list[str]:
    text = _("This holds for these values only. Other values may behave differently.")
    if found.method != "grid":
        return [text, _("How much of this is random variation between seeds is not known.")]
    if found.chance is None:
        return [
            text,
            _(
                "Without two seeds or folds that all configurations have, it is not known how much of this is random "
                "variation."
            ),
        ]
    share = f"{found.chance:.1%}"
    chance = _(
        "Seeds alone would explain {share} of the variance. ± is the standard deviation of the shares computed for "
        "each of the {n} seeds or folds separately; ~ marks what may be random (F test in blocks, 95 %, Holm).",
        share=share,
        n=found.replicates,
    )
    doubt = (
        [_("Much of this is random variation, so the order is uncertain: add seeds.")]
        if found.chance >= MUCH_CHANCE
        else []
    )
    return [text, chance, *doubt]
