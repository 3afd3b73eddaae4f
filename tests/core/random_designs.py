"""Any model with any sharing strategy, for hypothesis; no torch."""

from hypothesis import strategies as st

from clps_core.config import ModelConfig, SharingConfig


@st.composite
def designs(draw):
    """Any model with any strategy, as (ModelConfig, SharingConfig)."""
    family = draw(st.sampled_from(["decoder", "encoder", "encoder_decoder"]))
    heads = draw(st.sampled_from([1, 2, 4]))
    d_model = heads * draw(st.sampled_from([2, 4, 6]))
    fields = {
        "family": family,
        "num_layers": draw(st.integers(1, 6)),
        "d_model": d_model,
        "d_ff": draw(st.integers(1, 20)),
        "num_heads": heads,
        "num_kv_heads": draw(st.sampled_from([None, *(n for n in (1, 2, 4) if heads % n == 0)])),
        "embedding_size": draw(st.sampled_from([None, 1, d_model])),
        "max_positions": draw(st.integers(2, 9)),
        "token_types": draw(st.sampled_from([0, 2])),
        "positions": draw(st.sampled_from(["sinusoidal", "learned", "rotary", "none"])),
        "activation": draw(st.sampled_from(["relu", "gelu", "swiglu"])),
        "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
        "norm_position": draw(st.sampled_from(["pre", "post"])),
        "bias": draw(st.booleans()),
        "embedding_norm": draw(st.booleans()),
        "final_norm": draw(st.sampled_from([None, True, False])),
        "tie_embeddings": draw(st.sampled_from(["none", "output", "all"])),
        "vocab_size": draw(st.integers(1, 40)),
    }
    if family == "encoder":
        fields |= {"num_classes": draw(st.sampled_from([None, 3])), "pooler": draw(st.booleans())}
    if family == "encoder_decoder":
        fields["num_decoder_layers"] = draw(st.integers(1, 6))
    rules = st.sampled_from(["none", "all", "cycle:1", "grouped:1", "cycle_rev", "sequence:1"])
    strategy = draw(rules)
    for target in draw(st.sets(st.sampled_from(["attention", "ffn", "cross_attention", "q"]), max_size=2)):
        strategy += f",{target}={draw(rules)}"
    strategy += draw(st.sampled_from(["", ",norms=own", ",norms=shared"]))
    return ModelConfig(**fields), SharingConfig(strategy=strategy)
