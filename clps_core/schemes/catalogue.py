"""All schemes in the order in which they are shown. Start at SCHEMES."""

from __future__ import annotations

import re
from collections.abc import Mapping

from clps_core.errors import ConfigError
from clps_core.schemes.activations import ACTIVATIONS
from clps_core.schemes.depth import DEPTH
from clps_core.schemes.loosened import LOOSENED
from clps_core.schemes.parts import PARTS
from clps_core.schemes.scheme import Kind, Scheme
from clps_core.schemes.whole_layers import WHOLE_LAYERS
from clps_core.sharing.derived import Derived
from clps_core.sharing.rules import RULES, Rule
from clps_core.suggestions import nearest
from clps_core.words import N_, Words, _

__all__ = ["KINDS", "SCHEMES", "get_scheme", "rule_card", "strategy_of_scheme"]

KINDS: Mapping[Kind, str] = Words(
    {
        "weights": N_("Sharing weights"),
        "activations": N_("Sharing activations"),
        "loosened": N_("Relaxed sharing"),
        "depth": N_("Adjustable depth"),
        "outside": N_("Outside the layers"),
    }
)


def rule_card(rule: Rule) -> Scheme:
    """The plain card of a rule: its own words (``Rule.card``) where it has some."""
    words = {
        "title": rule.title,
        "rule": _("slot = what the rule {name} gives for layer l", name=rule.name),
        "shared": rule.summary,
        "kept": _("Everything that the rule does not share."),
        "saved": _("The weights of L - M layers, where M is the number of stored layers."),
        "lost": _("No paper known to us measures this. Train it and compare."),
        "source": rule.source,
    }
    own: dict[str, str] = {**words, **{name: _(text) for name, text in rule.card.items()}}
    return Scheme(name=rule.name.replace("_", "-"), kind="weights", strategy=rule.name, family="decoder", **own)  # type: ignore[arg-type]


def _schemes() -> dict[str, Scheme]:
    """The cards of papers, and a plain one for every rule that none of them is about."""
    papers = (*WHOLE_LAYERS, *PARTS, *ACTIVATIONS, *LOOSENED, *DEPTH)
    told = {re.split("[,:]", scheme.strategy)[0] for scheme in papers}
    plain = [rule_card(rule) for name, rule in RULES.items() if name not in told]
    return {scheme.name: scheme for scheme in (*WHOLE_LAYERS, *plain, *papers)}


SCHEMES: Mapping[str, Scheme] = Derived(_schemes)


def get_scheme(name: str) -> Scheme:
    """The scheme ``name``; raises ``ConfigError`` that lists the schemes there are."""
    scheme = SCHEMES.get(name)
    if scheme is None:
        near = nearest(str(name), SCHEMES)
        problem = _("scheme must be one of {known}. Got {name!r}.", known=", ".join(SCHEMES), name=str(name)[:60])
        raise ConfigError(problem + (_(" Did you mean {near}?", near=near) if near else ""))
    return scheme


def strategy_of_scheme(text: str) -> str:
    """``text`` with a scheme's name at its start replaced by the scheme's strategy: ``albert-all`` -> ``all``.

    Other texts stay as they are. Raises ``ConfigError`` for a scheme that a strategy alone cannot be.
    """
    name, comma, rest = text.strip().partition(",")
    scheme = SCHEMES.get(name)
    if scheme is None or name in RULES:
        return text
    if scheme.sizes:
        sizes = " ".join(f"--set model.{field}={value}" for field, value in scheme.sizes.items())
        raise ConfigError(
            _(
                "strategy must be a way of sharing layers. {name} is a matter of model sizes: add {sizes}.",
                name=name,
                sizes=sizes,
            )
        )
    if scheme.strategy == "custom":
        raise ConfigError(
            _("{name} must be written as integers, one per layer, such as 0-1-1-0. Got only its name.", name=name)
        )
    return f"{scheme.strategy}{comma}{rest}"
