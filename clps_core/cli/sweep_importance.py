"""What ``clps sweep show --importance`` prints: how much each field matters, and how strategies go with the others."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clps_core.cli.output import print_json, print_table, say
from clps_core.metrics import metric_named
from clps_core.sweeps.importance import importance
from clps_core.sweeps.importance_words import said as said_importance
from clps_core.sweeps.interaction import interaction, interaction_fields, said
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.sweeps import SweepState
    from clps_core.sweeps.importance import Effect

__all__ = ["importance_record", "print_importance"]


def importance_record(state: SweepState) -> dict[str, Any]:
    """As JSON-ready data: ``importance``, and the ``interactions`` of the strategy with each other field."""
    sign = 1.0 if state.higher_is_better else -1.0
    found = importance(state.configurations)
    lines = []
    for field in interaction_fields(state.configurations):
        one = interaction(state.configurations, field, sign)
        if one is not None:
            lines.append(
                {
                    "field": field,
                    "values": list(one.field.values),
                    "strategies": {
                        line.strategy: [asdict(point) if point else None for point in line.points] for line in one.lines
                    },
                    "crossing": [list(pair) for pair in one.crossing],
                    "share": one.effect.share if one.effect else None,
                    "p": one.effect.p if one.effect else None,
                    "larger_than_chance": one.larger_than_chance,
                    "sentences": said(one),
                }
            )
    return {
        "comparison_id": state.comparison.id,
        "name": state.comparison.name,
        "metric": state.metric,
        "importance": asdict(found) | {"left_out": found.left_out, "sentences": said_importance(found)},
        "interactions": lines,
    }


def print_importance(state: SweepState, *, as_json: bool = False) -> None:
    """The tables on stdout; what they mean, on stderr."""
    if as_json:
        print_json(importance_record(state))
        return
    found = importance(state.configurations)
    if found.fields:
        title = f"{state.comparison.name}  {state.comparison.id}"
        columns = [_("field"), _("share of variance"), _("±"), _("p value")]
        print_table(columns, [_row(one) for one in (*found.fields, *found.pairs)], title=title, left=1)
    for sentence in said_importance(found):
        say(sentence)
    sign = metric_named(state.metric).sign
    for field in interaction_fields(state.configurations):
        one = interaction(state.configurations, field, sign)
        if one is not None:
            say(f"{field}: " + " ".join(said(one)))


def _row(one: Effect) -> list[str]:
    deviation = one.spread.deviation if one.spread is not None else None
    return [
        " × ".join(one.fields),
        f"~ {one.share:.1%}" if one.may_be_chance else f"{one.share:.1%}",
        f"{deviation:.1%}" if deviation is not None else "",
        f"{one.p:.2g}" if one.p is not None else "",
    ]
