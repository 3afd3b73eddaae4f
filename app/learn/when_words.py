"""What the chapter on not sharing says of each answer; the logic is ``clps_core.advice``. Start at reason."""

from __future__ import annotations

from collections.abc import Mapping

from app.look.formatting import compact, exact, memory, percent, times
from clps_core.advice import (
    LAYERS,
    Advice,
    Advised,
    Answers,
    Need,
    Scarce,
    Verdict,
    design_of,
    with_strategy,
)
from clps_core.words import _

__all__ = ["about_need", "about_scarce", "headline", "lead", "reason", "title"]


def about_scarce(one: Scarce) -> str:
    """What there may be too little of."""
    return {
        "weights": _("Memory for the weights, on the device or on the disk"),
        "cache": _("Memory for the KV cache, with long texts or many users"),
        "training_time": _("Time for training"),
        "answer_time": _("Time for an answer"),
        "training_memory": _("Memory for training"),
    }[one]


def about_need(one: Need) -> str:
    """What a task may be made of."""
    return {
        "facts": _("Many facts, known by heart"),
        "steps": _("The same step, many times in a row"),
        "text": _("Some of both, as text does"),
    }[one]


def headline(verdict: Verdict) -> str:
    """The advice in a few words."""
    return {
        "share": _("Share weights"),
        "keep": _("Do not share"),
        "read": _("Share keys and values, not weights"),
        "dial": _("Share so that you can run fewer loops, not to save time"),
    }[verdict]


def lead(answers: Answers, advice: Advice) -> str:
    """Why, before any design: what sharing all layers would do to what is scarce, at the same sizes."""
    plain, shared = design_of(advice.plain), design_of(with_strategy(advice.plain, "all"))
    if answers.scarce == "weights":
        known = {"shared": compact(shared.stored), "plain": compact(plain.stored)}
        if advice.verdict == "share":
            return _(
                "Shared weights are stored once. At the same width, a single stored layer brings the model from "
                "{plain} to {shared} parameters.",
                **known,
            )
        return _(
            "A single stored layer would bring the model from {plain} to {shared} parameters. But facts are kept in "
            "stored weights: with fewer of them a model can hold less.",
            **known,
        )
    if answers.scarce == "cache":
        return _(
            "Sharing weights leaves the cache as it is: {cache} for each token, with or without sharing. Each layer "
            "has another input, so it has other keys and values.",
            cache=memory(shared.cache),
        )
    if answers.scarce == "training_time":
        return _(
            "Sharing saves no computation: training takes {flops} FLOPs per token, with or without sharing.",
            flops=compact(shared.flops),
        )
    if answers.scarce == "answer_time":
        said = _(
            "Sharing does not make an answer faster: every layer is still computed, with {flops} FLOPs per token in "
            "training, with or without sharing (an answer takes about a third of that).",
            flops=compact(shared.flops),
        )
        if advice.verdict == "dial":
            return said + " " + _("But a layer that repeats can be run less often when time is short.")
        return said
    known = {
        "shared": memory(shared.state),
        "plain": memory(plain.state),
        "activations": memory(shared.activations),
    }
    if advice.verdict == "share":
        return _(
            "Shared weights have one gradient and one state of the optimiser. With a single stored layer, weights, "
            "gradients and the optimiser's state take {shared} instead of {plain}. Activations take "
            "{activations} in both.",
            **known,
        )
    return _(
        "Sharing all layers would bring weights, gradients and the optimiser's state from {plain} to {shared}, but "
        "facts need stored weights. Activations take {activations} in both, and can be made smaller without sharing.",
        **known,
    )


def title(one: Advised) -> str:
    """What the design is."""
    layers, stored = one.config.model.num_layers, one.config.model.num_layers // 2
    return {
        "repeat": _("One stored layer, run {n} times", n=layers),
        "repeat_wider": _("One wider stored layer, run {n} times", n=layers),
        "twice": _("{n} stored layers, each run twice in a row", n=stored),
        "twice_wider": _("{n} wider stored layers, each run twice in a row", n=stored),
        "facts": _("{n} different layers", n=layers),
        "attention": _("Shared attention, larger feed-forward networks"),
        "read": _("Every second layer reads the keys and values before it"),
        "fewer_heads": _("Half as many heads for keys and values"),
        "no_time": _("{n} different layers", n=layers),
        "fewer_layers": _("{n} different layers instead of {all}", n=layers, all=LAYERS),
        "narrower": _("{n} narrower different layers", n=layers),
        "shallow": _("{n} wider different layers", n=layers),
        "dial": _("One stored layer, with 2 to {n} loops", n=layers),
        "gradients": _shared_title(one),
        "gradients_parts": _("The same, with batches in {n} parts", n=one.config.train.accumulate),
        "parts": _("{n} different layers, with batches in {parts} parts", n=layers, parts=one.config.train.accumulate),
    }[one.reason]


def _shared_title(one: Advised) -> str:
    layers = one.config.model.num_layers
    if one.config.sharing.strategy == "all":
        return _("One stored layer, run {n} times", n=layers)
    return _("{n} stored layers, each run twice in a row", n=layers // 2)


def reason(one: Advised, advice: Advice) -> str:
    """Why this design, in plain words and with its figures."""
    found, plain = design_of(one.config), design_of(advice.plain)
    return {
        "repeat": _repeat,
        "repeat_wider": _wider,
        "twice": _twice,
        "twice_wider": _wider,
        "facts": _facts,
        "attention": _attention,
        "read": _read,
        "fewer_heads": _fewer_heads,
        "no_time": _no_time,
        "fewer_layers": _fewer_layers,
        "narrower": _narrower,
        "shallow": _shallow,
        "dial": _dial,
        "gradients": _gradients,
        "gradients_parts": _parts,
        "parts": _parts,
    }[one.reason](
        {
            "stored": compact(found.stored),
            "plain_stored": compact(plain.stored),
            "share": percent(found.stored / plain.stored),
            "flops": compact(found.flops),
            "plain_flops": compact(plain.flops),
            "more": times(found.flops / plain.flops),
            "fewest": compact(found.fewest_flops),
            "cache": memory(found.cache),
            "plain_cache": memory(plain.cache),
            "state": memory(found.state),
            "plain_state": memory(plain.state),
            "activations": memory(found.activations),
            "plain_activations": memory(plain.activations),
            "ffn": compact(found.ffn),
            "plain_ffn": compact(plain.ffn),
            "width": exact(found.width),
            "plain_width": exact(plain.width),
            "layers": exact(found.layers),
        }
    )


Known = Mapping[str, str]


def _repeat(known: Known) -> str:
    return _(
        "A step that repeats can use the same weights each time. It stores {share} of the design that shares nothing, "
        "and computes and caches just as much.",
        **known,
    )


def _wider(known: Known) -> str:
    return _(
        "Uses the allowed memory for wider layers: {width} instead of {plain_width}. The price is computation: {flops} "
        "FLOPs per token instead of {plain_flops} ({more}).",
        **known,
    )


def _twice(known: Known) -> str:
    return _(
        "A compromise: half of the layers are stored, and all are executed. It stores {share} of the design that "
        "shares nothing, and computes and caches just as much.",
        **known,
    )


def _facts(known: Known) -> str:
    return _(
        "All {stored} parameters are different weights that can hold facts. A shared design that stores as many would "
        "compute more for each token and, as far as is known, not hold more.",
        **known,
    )


def _attention(known: Known) -> str:
    return _(
        "If you share something, share attention: each feed-forward network keeps weights of its own, and together "
        "they get {ffn} parameters instead of {plain_ffn}. The design computes {more} as much. No run that ships has "
        "tested this; ALBERT's figures support it.",
        **known,
    )


def _read(known: Known) -> str:
    return _(
        "Half of the layers compute no keys and values and cache none: {cache} for each token instead of "
        "{plain_cache}. This shares what layers computed, not weights.",
        **known,
    )


def _fewer_heads(known: Known) -> str:
    return _(
        "Shares nothing between layers. In each layer two heads for queries use the same head for keys and values: "
        "{cache} for each token instead of {plain_cache}.",
        **known,
    )


def _no_time(known: Known) -> str:
    return _(
        "Sharing saves no time, so use different weights: {stored} parameters can learn, and a step costs as much as "
        "in a shared design of this width.",
        **known,
    )


def _fewer_layers(known: Known) -> str:
    return _(
        "The way to save time is to compute less: {flops} FLOPs per token instead of {plain_flops} ({more}). It also "
        "stores less, {stored} parameters, so it can hold fewer facts.",
        **known,
    )


def _narrower(known: Known) -> str:
    return _(
        "The task needs its steps, so all {layers} layers stay. They are narrower, {width} instead of {plain_width}, "
        "and computed faster: {flops} FLOPs per token instead of {plain_flops} ({more}).",
        **known,
    )


def _shallow(known: Known) -> str:
    return _(
        "Half as many layers have to run one after the other. They are wider, so that the design still stores "
        "{stored} parameters; it computes {flops} FLOPs per token instead of {plain_flops} ({more}).",
        **known,
    )


def _dial(known: Known) -> str:
    return _(
        "Trained with a random number of loops, so that it can run fewer of them: between {fewest} FLOPs per token, "
        "with the fewest loops, and {plain_flops}, with all. It stores {share} of the design that shares nothing.",
        **known,
    )


def _gradients(known: Known) -> str:
    return _(
        "Weights, gradients and the optimiser's state take {state} instead of {plain_state}. Computation and "
        "activations stay the same.",
        **known,
    )


def _parts(known: Known) -> str:
    return _(
        "A step works through its batch in parts. Only one part is in memory at a time, so activations take "
        "{activations} instead of {plain_activations}. The gradient is that of the whole batch.",
        **known,
    )
