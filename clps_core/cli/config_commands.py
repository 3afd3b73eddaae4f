"""``clps config``: what every field of a config means. Start at show."""

from __future__ import annotations

from clps_core.cli.output import print_json, print_pairs, print_table, say
from clps_core.config.reference import FieldFacts, field_facts, groups, reference
from clps_core.words import _

__all__ = ["show"]


def show(name: str | None, *, as_json: bool) -> None:
    """All fields by group, those of one group, or one field."""
    found = list(reference().values()) if name is None else field_facts(name)
    if as_json:
        plain = [one.as_dict() for one in found]
        print_json(plain[0] if name is not None and found[0].name == name else plain)
    elif name is not None and found[0].name == name:
        _print_one(found[0])
    else:
        for group, fields in groups().items():
            if fields[0] in found:
                _print_group(group or _("at the top"), fields)
        say(
            _("Set a field with --set {name}=VALUE or in a file; 'clps config FIELD' explains one.", name=found[0].name)
        )


def _print_group(group: str, fields: list[FieldFacts]) -> None:
    unit, allowed = _("unit"), _("allowed")
    rows = [[one.name, one.default, one.unit, one.allowed, one.meaning] for one in fields]
    print_table(
        [_("field"), _("default"), unit, allowed, _("meaning")], rows, title=group, left=5, spare=[unit, allowed]
    )


def _print_one(one: FieldFacts) -> None:
    pairs = [(_("field"), one.name), (_("meaning"), one.meaning)]
    if one.differs:
        pairs += [(_("default for {task}", task=task), text) for task, text in one.texts.items()]
    else:
        pairs.append((_("default"), one.default))
    pairs += [(_("unit"), one.unit)] if one.unit else []
    pairs.append((_("allowed"), one.allowed + (_(", or null") if one.optional else "")))
    print_pairs(pairs)
