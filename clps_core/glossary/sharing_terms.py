"""Terms of sharing weights between layers."""

from __future__ import annotations

from clps_core.glossary.term import Source, Term
from clps_core.words import N_

__all__ = ["TERMS"]

ALBERT = Source("Lan et al. 2019", "https://arxiv.org/abs/1909.11942")
UNIVERSAL = Source("Dehghani et al. 2018", "https://arxiv.org/abs/1807.03819")
TAKASE = Source("Takase and Kiyono 2021", "https://arxiv.org/abs/2104.06022")
GEIPING = Source("Geiping et al. 2025", "https://arxiv.org/abs/2502.05171")
LORA = Source("Hu et al. 2021", "https://arxiv.org/abs/2106.09685")
CLA = Source("Brandon et al. 2024", "https://arxiv.org/abs/2405.12981")
PRESS = Source("Press and Wolf 2016", "https://arxiv.org/abs/1608.05859")

TERMS: tuple[Term, ...] = (
    Term(
        "weight-sharing",
        N_("Cross-layer parameter sharing"),
        N_("Several layers use the same weights. The model stores fewer parameters, but computes every layer."),
        N_("weight sharing, layer sharing"),
        pages=("start", "learn", "design", "train", "compare"),
        chapter="stored",
        source=UNIVERSAL,
    ),
    Term(
        "scheme",
        N_("Sharing scheme"),
        N_("A known way of sharing, usually from a paper, such as one layer for all or a looped core."),
        N_("scheme"),
        pages=("design", "compare"),
    ),
    Term(
        "strategy",
        N_("Strategy"),
        N_("One line of text that describes a complete way of sharing, such as cycle:3 or attention=all,ffn=none."),
        pages=("design", "train", "runs", "compare"),
        chapter="map",
    ),
    Term(
        "design",
        N_("Design"),
        N_(
            "A model with its sizes and its strategy, without seeds. Runs with different seeds can have the same "
            "design."
        ),
        pages=("design", "train", "compare"),
    ),
    Term(
        "sharing-rule",
        N_("Rule"),
        N_("Says which stored weights each layer uses. A rule can apply to all components or to some."),
        N_("sharing rule"),
        pages=("design",),
        chapter="map",
    ),
    Term(
        "sharing-map",
        N_("Sharing map"),
        N_(
            "A table with a row for each component and a column for each layer. Equal letters in a row mean the "
            "same weights."
        ),
        N_("partition"),
        pages=("learn", "design", "attention", "compare"),
        chapter="map",
    ),
    Term(
        "slot",
        N_("Slot"),
        N_(
            "One stored weight, shown as a letter. All layers with the same letter in a row read and train the "
            "same numbers."
        ),
        N_("stored weight"),
        symbols=("A", "B", "C"),
        pages=("learn", "design", "attention", "depth"),
        chapter="map",
    ),
    Term(
        "site",
        N_("Site"),
        N_("One use of a weight: a component in one layer of a stack. Sites that share have the same slot."),
        N_("use of a weight"),
        pages=("design", "attention"),
    ),
    Term(
        "stored-parameters",
        N_("Stored parameters"),
        N_("The number of parameters in the saved model. Each weight counts once, however many layers use it."),
        N_("unique parameters, stored, layers stored"),
        unit=N_("parameters"),
        pages=("learn", "design", "train", "runs", "compare"),
        chapter="stored",
    ),
    Term(
        "executed-parameters",
        N_("Executed parameters"),
        N_("The number of parameters in the computation. Each weight counts once for every layer that uses it."),
        N_("effective parameters, executed"),
        unit=N_("parameters"),
        pages=("design", "train", "compare"),
        chapter="stored",
    ),
    Term(
        "relative-size",
        N_("Relative size"),
        N_(
            "Stored parameters, as a share of those of the same model without sharing. With extras it can exceed 100 %."
        ),
        N_("share of the unshared model"),
        unit="%",
        pages=("design", "train", "compare"),
        chapter="stored",
    ),
    Term(
        "no-sharing",
        N_("No sharing"),
        N_(
            "Every layer has its own weights, as in a standard Transformer. This is what shared designs are "
            "compared with."
        ),
        N_("unshared model"),
        pages=("design", "train", "compare"),
    ),
    Term(
        "looped-model",
        N_("Looped model"),
        N_("A model that runs the same layers several times in a row. The number of loops sets its depth."),
        N_("recurrent depth, recursive Transformer, Universal Transformer"),
        pages=("learn", "design", "depth"),
        chapter="loops",
        source=UNIVERSAL,
    ),
    Term(
        "loops",
        N_("Loops"),
        N_("How many times the repeated layers run. Some designs can run more or fewer loops after training."),
        N_("loop, number of loops, recurrences"),
        symbols=("r",),
        pages=("learn", "design", "attention", "depth", "tryit"),
        chapter="loops",
        source=GEIPING,
    ),
    Term(
        "core",
        N_("Core"),
        N_("The layers of a looped model that repeat."),
        N_("recurrent block"),
        symbols=("K",),
        pages=("learn", "design", "depth"),
        chapter="loops",
        source=GEIPING,
    ),
    Term(
        "prelude",
        N_("Prelude"),
        N_("The layers before the core of a looped model. They run once."),
        symbols=("P",),
        pages=("design",),
        chapter="loops",
        source=GEIPING,
    ),
    Term(
        "coda",
        N_("Coda"),
        N_("The layers after the core of a looped model. They run once."),
        symbols=("C",),
        pages=("design",),
        chapter="loops",
        source=GEIPING,
    ),
    Term(
        "cycle",
        N_("Cycle"),
        N_("M stored layers are used in turn: with M = 3, six layers use A B C A B C."),
        symbols=("cycle:M",),
        pages=("design", "train", "compare"),
        chapter="map",
        source=TAKASE,
    ),
    Term(
        "sequence",
        N_("Sequence"),
        N_("Neighbouring layers share: with 3 stored layers, six layers use A A B B C C."),
        N_("blocks of equal layers"),
        symbols=("sequence:M",),
        pages=("design", "train", "compare"),
        chapter="map",
        source=TAKASE,
    ),
    Term(
        "relaxed-sharing",
        N_("Relaxed sharing"),
        N_("Layers share weights, but small additions let each layer differ: LoRA, scales or a depth signal."),
        N_("extras"),
        pages=("design",),
        chapter="loosened",
    ),
    Term(
        "lora",
        N_("LoRA"),
        N_(
            "Low-rank adaptation. A layer adds the product of two thin matrices to a weight; each layer can have "
            "its own."
        ),
        N_("low-rank adaptation, low-rank weights, adapter"),
        symbols=("B_l A_l",),
        pages=("design", "compare"),
        chapter="loosened",
        source=LORA,
    ),
    Term(
        "rank",
        N_("Rank"),
        N_("The inner size of the two matrices of LoRA. A higher rank allows larger differences and stores more."),
        symbols=("r",),
        pages=("design",),
        chapter="loosened",
        source=LORA,
    ),
    Term(
        "depth-signal",
        N_("Depth signal"),
        N_("A vector added to the state that tells a layer its depth. It can be fixed (sinusoidal) or learned."),
        N_("depth embedding, layer embedding"),
        symbols=("depth_embedding",),
        pages=("design", "attention", "depth"),
        chapter="loosened",
        source=UNIVERSAL,
    ),
    Term(
        "layer-scale",
        N_("Scale per layer"),
        N_("Numbers of each layer that multiply the output of a sublayer. They let layers with shared weights differ."),
        N_("separate scale for each layer and branch"),
        symbols=("layer_scale",),
        pages=("design",),
        chapter="loosened",
    ),
    Term(
        "re-injected-input",
        N_("Re-injected input"),
        N_("The output of the prelude is given to the core again at every loop, added or concatenated."),
        N_("input injection, re-inject the prelude's output"),
        symbols=("inject",),
        pages=("design",),
        source=GEIPING,
    ),
    Term(
        "tie",
        N_("Tie"),
        N_("Two components use the same weight, such as Q and K, or the encoder and the decoder."),
        N_("weight tying, tied components"),
        symbols=("k=@q",),
        pages=("design", "attention"),
        source=PRESS,
    ),
    Term(
        "tied-embeddings",
        N_("Tied embeddings"),
        N_("The output layer uses the matrix of the input embedding, so it is stored once."),
        symbols=("tie_embeddings",),
        pages=("design",),
        source=PRESS,
    ),
    Term(
        "shared-activations",
        N_("Shared activations"),
        N_("A layer reuses what an earlier layer computed: its keys and values, or its attention probabilities."),
        N_("activation sharing, reuse, source layer"),
        symbols=("kv_source", "attention_source"),
        pages=("design", "attention"),
        chapter="kv",
        source=CLA,
    ),
    Term(
        "match-budget",
        N_("Matched budget"),
        N_(
            "Two designs have the same stored parameters, training FLOPs or seconds, so that their quality can "
            "be compared fairly."
        ),
        N_("matched, equal budget, budget to match"),
        pages=("design", "compare"),
        chapter="costs",
    ),
    Term(
        "factorised-embedding",
        N_("Factorised embedding"),
        N_("The embedding is a product of two smaller matrices. A large vocabulary then needs fewer parameters."),
        N_("embedding size"),
        symbols=("embedding_size", "E"),
        pages=("design",),
        source=ALBERT,
    ),
)
