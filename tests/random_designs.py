"""Any model with any strategy the notation can say, for hypothesis; no torch. Start at designs.

Designs are valid by construction: what is refused has tests of its own. ``designs`` draws the map alone;
``designs(beside=True)`` also what stands beside it: reuse of activations, LoRA, depth signals, loops.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from clps_core.config import ModelConfig, SharingConfig
from clps_core.sharing import SharingPlan, Slot
from clps_core.sharing.shared_with import KIND_SITES

COMPONENTS = ("q", "k", "v", "o", "ffn_in", "ffn_out", "norm_attn", "norm_ffn")
CROSS = ("cross_q", "cross_k", "cross_v", "cross_o", "norm_cross")
LORA = ("", ".attention", ".ffn", ".cross_attention", ".q", ".v", ".ffn_in")


class Depth(NamedTuple):
    """Executed layers of the stacks, and the rule of most components; ``looped``: it has a core to inject into."""

    layers: dict[str, int]
    rule: str
    looped: bool


@st.composite
def designs(draw: st.DrawFn, beside: bool = False) -> tuple[ModelConfig, SharingConfig]:
    """Any model with any strategy, as (ModelConfig, SharingConfig)."""
    family = draw(st.sampled_from(["decoder", "encoder", "encoder_decoder"]))
    depth = draw(depths(family, beside))
    model = draw(models(family, depth.layers))
    parts = [depth.rule]
    if not depth.looped:
        parts += draw(overrides(depth.layers, family))
        ruled = {part.partition("=")[0] for part in parts}
        parts += [tie for tie in draw(ties(depth.layers, model)) if tie.partition("=")[0] not in ruled]
        parts += draw(st.sampled_from([[], ["norms=own"], ["norms=shared"]]))
        if beside:
            parts += draw(reuses(depth.layers))
    if beside:
        parts += draw(extras(depth.looped, len(depth.layers) == 2))
    return model, SharingConfig(strategy=",".join(parts))


@st.composite
def depths(draw: st.DrawFn, family: str, beside: bool) -> Depth:
    stacks = ("encoder", "decoder") if family == "encoder_decoder" else (family,)
    if beside and draw(st.booleans()):
        prelude, coda = draw(st.integers(0, 1)), draw(st.integers(0, 1))
        core, loops = draw(st.integers(1, 2)), draw(st.integers(1, 3))
        rule = f"loop:{prelude}/{core}/{coda}"
        return Depth(dict.fromkeys(stacks, prelude + core * loops + coda), rule, looped=True)
    layers = {stack: draw(st.integers(1, 6)) for stack in stacks}
    return Depth(layers, draw(rules(min(layers.values()))), looped=False)


@st.composite
def rules(draw: st.DrawFn, fewest: int) -> str:
    """A named rule that fits stacks of ``fewest`` layers and more."""
    name = draw(st.sampled_from(["none", "all", "sandwich", "grouped", "cycle", "cycle_rev", "middle_cycle", "loop"]))
    if name in ("grouped", "cycle", "cycle_rev"):
        return f"{name}:{draw(st.integers(1, fewest))}"
    return name


def integers(draw: st.DrawFn, num_layers: int) -> str:
    """Any partition of the layers."""
    return "-".join(str(draw(st.integers(0, 2))) for _layer in range(num_layers))


@st.composite
def overrides(draw: st.DrawFn, layers: dict[str, int], family: str) -> list[str]:
    """Rules of families and integers of single components."""
    found = []
    for target in draw(st.sets(st.sampled_from(["attention", "ffn", "cross_attention", "q"]), max_size=2)):
        found.append(f"{target}={draw(rules(min(layers.values())))}")
    for stack, num_layers in layers.items():
        crossed = CROSS if stack == "decoder" and family == "encoder_decoder" else ()
        for component in sorted(draw(st.sets(st.sampled_from([*COMPONENTS, *crossed]), max_size=3))):
            found.append(f"{stack}.{component}={integers(draw, num_layers)}")
    return found


@st.composite
def ties(draw: st.DrawFn, layers: dict[str, int], model: ModelConfig) -> list[str]:
    """Ties that shapes and depths allow."""
    possible = ["ffn_gate=@ffn_in"] if model.activation == "swiglu" else []
    possible += ["norm_ffn=@norm_attn"]
    if model.kv_heads == model.num_heads:
        possible += ["k=@q", "v=@k"]
        possible += ["cross_k=@cross_q", "decoder.cross_q=@decoder.q"] if len(layers) == 2 else []
    if len(layers) == 2 and len(set(layers.values())) == 1:
        possible += ["decoder=@encoder", "decoder.ffn=@encoder", "decoder.o=@encoder.o"]
    return sorted(draw(st.sets(st.sampled_from(possible), max_size=2)))


@st.composite
def reuses(draw: st.DrawFn, layers: dict[str, int]) -> list[str]:
    """Per stack, layers that read keys and values, or probabilities, of earlier ones that compute their own."""
    found = []
    for stack, num_layers in layers.items():
        sources: dict[str, list[int]] = {"kv_source": [], "attention_source": []}
        for layer in range(num_layers):
            kind = draw(st.sampled_from(["kv_source", "attention_source", "own"]))
            for name, known in sources.items():
                # Neither a layer that reads keys nor one that reads probabilities has keys to be read.
                without_keys = sources["attention_source"] if name == "kv_source" else []
                ready = [
                    one
                    for one, source in enumerate(known)
                    if source == one and (not without_keys or without_keys[one] == one)
                ]
                known.append(draw(st.sampled_from(ready)) if kind == name and ready else layer)
        for name, known in sources.items():
            if known != list(range(num_layers)) or draw(st.booleans()):
                found.append(f"{stack}.{name}={'-'.join(map(str, known))}")
    return found


@st.composite
def extras(draw: st.DrawFn, looped: bool, crossed: bool) -> list[str]:
    """What loosens ties, and for a looped core its input again; ``crossed``: there is cross-attention."""
    targets = LORA if crossed else tuple(target for target in LORA if "cross" not in target)
    chosen = draw(st.sets(st.sampled_from(targets), max_size=2))
    found = [f"lora{target}={draw(st.integers(1, 3))}" for target in chosen]
    found += draw(st.sampled_from([[], ["depth_embedding=sinusoidal"], ["depth_embedding=learned"]]))
    found += draw(st.sampled_from([[], ["layer_scale=own"]]))
    return found + (draw(st.sampled_from([[], ["inject=add"], ["inject=concat"]])) if looped else [])


@st.composite
def models(draw: st.DrawFn, family: str, layers: dict[str, int]) -> ModelConfig:
    """Sizes of every kind; none so small that a norm over them leaves nothing but signs."""
    heads = draw(st.sampled_from([1, 2, 4]))
    d_model = heads * draw(st.sampled_from([4, 6]))
    fields: dict[str, Any] = {
        "family": family,
        "num_layers": layers[family if family != "encoder_decoder" else "encoder"],
        "d_model": d_model,
        "d_ff": draw(st.integers(4, 20)),
        "num_heads": heads,
        "num_kv_heads": draw(st.sampled_from([None, *(n for n in (1, 2, 4) if heads % n == 0)])),
        "embedding_size": draw(st.sampled_from([None, 3, d_model])),
        "max_positions": draw(st.integers(6, 9)),
        "token_types": draw(st.sampled_from([0, 2])),
        "positions": draw(st.sampled_from(["sinusoidal", "learned", "rotary", "none"])),
        "activation": draw(st.sampled_from(["relu", "gelu", "swiglu"])),
        "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
        "norm_position": draw(st.sampled_from(["pre", "post"])),
        "bias": draw(st.booleans()),
        "embedding_norm": draw(st.booleans()),
        "final_norm": draw(st.sampled_from([None, True, False])),
        "tie_embeddings": draw(st.sampled_from(["none", "output", "all"])),
        "vocab_size": draw(st.integers(5, 40)),
    }
    if family == "encoder":
        fields |= {"num_classes": draw(st.sampled_from([None, 3])), "pooler": draw(st.booleans())}
        if draw(st.booleans()):  # a masked language model
            fields |= {"num_classes": None, "pooler": False, "head": draw(st.sampled_from(["lm", "span"]))}
        elif draw(st.booleans()):
            fields |= {"vocab_size": None, "patch_dim": 3, "class_token": draw(st.booleans())}
            if not fields["class_token"] and draw(st.booleans()):  # what a sound is written down by
                fields |= {"num_classes": 3, "pooler": False, "head": "ctc"}
    if family == "encoder_decoder":
        fields["num_decoder_layers"] = layers["decoder"]
        if draw(st.booleans()):  # a decoder that writes down a sound
            fields |= {"patch_dim": 3, "max_target_positions": draw(st.sampled_from([None, 5, 12]))}
    return ModelConfig(**fields)


def kinds(plan: SharingPlan) -> list[str]:
    """The kinds of attention that a plan's model has."""
    return [
        kind
        for kind, (stack, components) in KIND_SITES.items()
        if stack in plan.map.stacks and components[0] in plan.map.components(stack)
    ]


def weight(plan: SharingPlan, stack: str, layer: int, component: str) -> Slot:
    """The stored weight that a layer's component is computed with, found step by step along what it reads."""
    while (slot := plan.map.slot(stack, layer, component)) is None:
        reuse = plan.reuse[stack]
        by_kv = reuse.source("kv_source", layer) if component in ("k", "v") else layer
        layer = by_kv if by_kv != layer else reuse.source("attention_source", layer)
    return slot
