"""The controls that change a strategy's text, part by part. Start at draw_controls.

Each control shows what the text says (its widget is set from it before every drawing) and, when a person
moves it, hands over a function from the old text to the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.design import drafts
from app.look.strategy_names import target_name
from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.errors import ConfigError
from clps_core.glossary import meaning
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import NAMED_STRATEGIES, RULES, Strategy, parse_strategy
from clps_core.sharing.extras import DEPTH_EMBEDDINGS, INJECTIONS, MAX_LOOPS
from clps_core.sharing.pasted import strategy_of_pasted
from clps_core.sharing.rules import default_loop
from clps_core.sharing.sources import SOURCE_RULES, SourceUse
from clps_core.sharing.strategies import NORM_MODES, SUBLAYERS, RuleUse
from clps_core.words import _, listed

__all__ = ["draw_controls"]

Change = Callable[[Callable[[str], str]], None]
KEY = "draft_{name}"


def draw_controls(model: ModelConfig, text: str, change: Change) -> None:
    """Draw the controls of the strategy ``text``; ``change`` gets what a person does to it."""
    strategy = parse_strategy(text)
    layers = min(stack_layers(model).values())
    titles = (_("Layers"), _("Components"), _("Shared activations"), _("Relaxed sharing"), _("Loops"))
    whole, components, activations, relaxed, loops = st.tabs(titles)
    with whole:
        _whole_layers(strategy, layers, change)
    with components:
        st.caption(
            _(
                "Give a component a rule of its own, different from the rule of the layers. Tied components use "
                "the same weight."
            )
        )
        _components(strategy, model, layers, change)
    with activations:
        st.caption(_("Let layers reuse what an earlier layer computed, instead of computing their own."))
        for kind in ("kv_source", "attention_source"):
            _reuse(strategy, kind, layers, change)
    with relaxed:
        st.caption(_("Let layers with shared weights differ a little from each other."))
        _relaxed(strategy, model, change)
    with loops:
        _loops(strategy, model, change)


def _control(name: str, value: Any, draw: Callable[..., Any], edit: Callable[[str, Any], str], change: Change) -> None:
    """A widget that shows ``value``; ``edit`` makes the new text from the old one and what was chosen."""
    key = KEY.format(name=name)
    st.session_state[key] = value

    def moved() -> None:
        chosen = st.session_state[key]
        if chosen is not None:
            change(lambda text: edit(text, chosen))

    draw(key=key, on_change=moved)


def _choice(
    name: str, label: str, options: Mapping[str, str], value: str, edit: Callable[[str, str], str], change: Change,
    note: str | None = None,
) -> None:  # fmt: skip
    def draw(**how: Any) -> None:
        st.segmented_control(label, list(options), format_func=options.__getitem__, required=True, help=note, **how)

    _control(name, value, draw, edit, change)


def _number(
    name: str, label: str, value: int, low: int, high: int, edit: Callable[[str, int], str], change: Change,
    note: str | None = None,
) -> None:  # fmt: skip
    def draw(**how: Any) -> None:
        st.number_input(label, low, max(high, value), step=1, width=132, help=note, **how)

    _control(name, max(low, value), draw, edit, change)


def _written(name: str, label: str, value: str, edit: Callable[[str, str], str], change: Change) -> None:
    def draw(**how: Any) -> None:
        st.text_input(label, max_chars=2000, **how)

    _control(name, value, draw, edit, change)


def _rule_title(name: str) -> str:
    return _("Custom map") if name == drafts.CUSTOM else NAMED_STRATEGIES[name].title


def _whole_layers(strategy: Strategy, layers: int, change: Change) -> None:
    base = drafts.base_name(strategy)

    def rules(**how: Any) -> None:
        st.selectbox(
            _("Rule"), [*NAMED_STRATEGIES, drafts.CUSTOM], format_func=_rule_title, width=232,
            help=meaning("sharing-rule"), **how,
        )  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _control("base", base, rules, lambda text, name: drafts.with_base(text, name, layers), change)
        _rule_option("whole", strategy.default, layers, drafts.with_rule, change)
    if base in NAMED_STRATEGIES:
        st.caption(NAMED_STRATEGIES[base].summary)
    titles = {
        "follow": _("like the layer they are in"),
        "own": _("separate for each layer"),
        "shared": _("shared by all layers"),
    }
    norms = {mode: titles[mode] for mode in NORM_MODES}
    _choice("norms", _("Norms"), norms, strategy.norms, drafts.with_norms, change, meaning("norm"))


def _rule_option(name: str, use: RuleUse, layers: int, edit: Callable[[str, RuleUse], str], change: Change) -> None:
    """What a rule can be given: layers stored, prelude/core/coda, or the numbers themselves."""
    if use.name == drafts.CUSTOM:

        def written(text: str, typed: str) -> str:
            rule = parse_strategy(strategy_of_pasted(typed.strip())).default
            return edit(text, rule)

        _written(f"{name}_integers", _("One number for each layer"), use.text, written, change)
    elif use.name in RULES and RULES[use.name].takes_core:
        core = use.integers or default_loop(layers)
        parts = (("prelude", _("Prelude"), 0), ("core", _("Core"), 1), ("coda", _("Coda"), 0))
        for at, (term, label, low) in enumerate(parts):

            def resized(text: str, size: int, at: int = at) -> str:
                return edit(text, RuleUse(use.name, integers=(*core[:at], size, *core[at + 1 :])))

            _number(f"{name}_loop{at}", label, core[at], low, max(1, layers), resized, change, meaning(term))
    elif use.name in RULES and RULES[use.name].takes_slots:
        rule = RULES[use.name]
        stored = use.num_slots or rule.default_slots(layers)
        _number(
            f"{name}_stored", _("Layers stored"), stored, 1, layers,
            lambda text, number: edit(text, RuleUse(use.name, number)), change,
            _("How many different layers are stored. The others reuse their weights."),
        )  # fmt: skip


def _components(strategy: Strategy, model: ModelConfig, layers: int, change: Change) -> None:
    rules = dict(strategy.overrides)
    offered = list(dict.fromkeys([*rules, *_targets(model)]))

    def choose(**how: Any) -> None:
        st.multiselect(
            _("Components with their own rule"), offered, format_func=target_name,
            placeholder=_("None: all components follow the layers"), **how,
        )  # fmt: skip

    def chosen(text: str, targets: list[str]) -> str:
        known = dict(parse_strategy(text).overrides)
        return drafts.with_overrides(text, targets, lambda target: known.get(target, RuleUse("all")))

    _control("targets", list(rules), choose, chosen, change)
    for target, use in rules.items():
        _component(target, use, layers, change)
    ties = [f"{target}=@{source}" for target, source in strategy.ties]

    def tie(**how: Any) -> None:
        options = list(dict.fromkeys([*ties, *_tie_options(model)]))
        st.pills(_("Ties"), options, format_func=_tie_title, selection_mode="multi", help=meaning("tie"), **how)

    _control("ties", ties, tie, drafts.with_ties, change)


def _component(target: str, use: RuleUse, layers: int, change: Change) -> None:
    def edit(text: str, wanted: RuleUse) -> str:
        known = dict(parse_strategy(text).overrides) | {target: wanted}
        return drafts.with_overrides(text, list(known), known.__getitem__)

    def named(text: str, name: str) -> str:
        return edit(text, RuleUse(name, integers=tuple(range(layers)) if name == drafts.CUSTOM else ()))

    def rules(**how: Any) -> None:
        st.selectbox(
            target_name(target)[:1].upper() + target_name(target)[1:], [*RULES, drafts.CUSTOM],
            format_func=_rule_title, width=232, **how,
        )  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _control(f"rule_{target}", use.name, rules, named, change)
        _rule_option(f"part_{target}", use, layers, edit, change)


def _targets(model: ModelConfig) -> list[str]:
    """Sublayers and components that the model has, then those of each stack alone."""
    stacks = list(stack_layers(model))
    components = list(dict.fromkeys(name for stack in stacks for name in block_shapes(model, stack)))
    sublayers = [name for name, members in SUBLAYERS.items() if members[0] in components]
    plain = [*sublayers, *components]
    return plain if len(stacks) == 1 else [*plain, *(f"{stack}.{name}" for stack in stacks for name in plain)]


def _tie_options(model: ModelConfig) -> list[str]:
    pair = ["decoder=@encoder", "decoder.attention=@encoder", "decoder.ffn=@encoder", "cross_k=@cross_q"]
    return ["k=@q", "v=@k", *(pair if model.family == "encoder_decoder" else [])]


def _tie_title(tie: str) -> str:
    target, _equals, source = tie.partition("=@")
    return f"{target_name(target)} = {target_name(source)}"


def _reuse(strategy: Strategy, kind: str, layers: int, change: Change) -> None:
    use = dict(strategy.reuse).get(kind)
    labels = {
        "kv_source": _("Keys and values"),
        "attention_source": _("Attention probabilities"),
    }
    titles = {"": _("separate in each layer"), **{name: rule.title for name, rule in SOURCE_RULES.items()}}
    titles[drafts.CUSTOM] = _("custom map")

    def choose(text: str, name: str) -> str:
        own = SourceUse(name, integers=tuple(range(layers)) if name == drafts.CUSTOM else ())
        return drafts.with_reuse(text, kind, own if name else None)

    _choice(kind, labels[kind], titles, use.name if use else "", choose, change, meaning("shared-activations"))
    if use is None:
        return
    if use.name == drafts.CUSTOM:
        _written(
            f"{kind}_integers", _("Source layer for each layer"), use.text,
            lambda text, typed: parse_strategy(f"{drafts.with_reuse(text, kind, None)},{kind}={typed.strip()}").text,
            change,
        )  # fmt: skip
        return
    rule = SOURCE_RULES[use.name]
    st.caption(rule.summary)
    label = _("Layers per group") if use.name == "every" else _("Layers that compute their own")
    _number(
        f"{kind}_number", label, use.number or rule.default_number(layers), 1, layers,
        lambda text, number: drafts.with_reuse(text, kind, SourceUse(use.name, number)), change,
    )  # fmt: skip


def _relaxed(strategy: Strategy, model: ModelConfig, change: Change) -> None:
    extras = strategy.extras
    target, rank = extras.lora[0] if extras.lora else ("", 0)
    linear = [name for name in _targets(model) if not name.rpartition(".")[2].startswith("norm")]

    def places(**how: Any) -> None:
        st.selectbox(
            _("Matrices with LoRA"), list(dict.fromkeys(["", target, *linear])), width=232,
            format_func=lambda name: target_name(name) if name else _("every matrix"), **how,
        )  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _control("lora_on", target, places, lambda text, name: drafts.with_lora(text, name, rank or 8), change)
        _number(
            "lora", _("Rank"), rank, 0, model.d_model,
            lambda text, number: drafts.with_lora(text, target, number), change,
            meaning("lora", meaning("rank"), _("0 means no LoRA.")),
        )  # fmt: skip
    titles = {"none": _("none"), "sinusoidal": _("sinusoidal"), "learned": _("learned")}
    _choice(
        "depth", _("Depth signal"), {name: titles[name] for name in DEPTH_EMBEDDINGS}, extras.depth_embedding,
        lambda text, value: drafts.with_extras(text, depth_embedding=value), change, meaning("depth-signal"),
    )  # fmt: skip

    def toggle(**how: Any) -> None:
        st.toggle(_("Separate scale for each layer and branch"), help=meaning("layer-scale"), **how)

    _control(
        "scale", extras.layer_scale, toggle, lambda text, on: drafts.with_extras(text, layer_scale=bool(on)), change
    )


def _what_repeats(strategy: Strategy, model: ModelConfig) -> str:
    """The core of the first stack, or why there is none or its loops are fixed."""
    try:
        plan = sharing_plan(model, SharingConfig(strategy=strategy.text))
    except ConfigError:
        rules = listed(rule.title for rule in RULES.values() if rule.core is not None)
        return _("Loops need a part that repeats. Choose one of the rules {rules}.", rules=rules)
    core = next(iter(plan.execution.values())).core
    if core is None or plan.fixed_loops:
        return plan.fixed_loops or ""
    prelude, repeated, coda = core
    return _(
        "Layers: {prelude} in the prelude, {core} in the core, {coda} in the coda. The number of layers of "
        "the model sets the number of loops.",
        prelude=prelude,
        core=repeated,
        coda=coda,
    )


def _loops(strategy: Strategy, model: ModelConfig, change: Change) -> None:
    extras = strategy.extras
    st.caption(_what_repeats(strategy, model))
    titles = {"none": _("no"), "add": _("added"), "concat": _("concatenated")}
    _choice(
        "inject", _("Re-inject the prelude's output"), {name: titles[name] for name in INJECTIONS},
        extras.inject, lambda text, value: drafts.with_extras(text, inject=value), change, meaning("re-injected-input"),
    )  # fmt: skip

    def toggle(**how: Any) -> None:
        st.toggle(_("Train with a random number of loops"), help=meaning("loops"), **how)

    _control(
        "random", extras.train_loops is not None, toggle,
        lambda text, on: drafts.with_extras(text, train_loops=(1, 4) if on else None), change,
    )  # fmt: skip
    if extras.train_loops is not None:
        fewest, most = extras.train_loops
        with st.container(horizontal=True, gap="small"):
            _number(
                "fewest", _("Fewest loops"), fewest, 1, most,
                lambda text, number: drafts.with_extras(text, train_loops=(number, most)), change,
            )  # fmt: skip
            _number(
                "most", _("Most loops"), most, fewest, MAX_LOOPS,
                lambda text, number: drafts.with_extras(text, train_loops=(fewest, number)), change,
            )  # fmt: skip
