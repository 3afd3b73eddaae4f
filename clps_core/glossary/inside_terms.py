"""Terms of looking into a trained model, and of its answers."""

from __future__ import annotations

from clps_core.glossary.term import Source, Term
from clps_core.words import N_

__all__ = ["TERMS"]

ROLLOUT = Source("Abnar and Zuidema 2020", "https://arxiv.org/abs/2005.00928")
CKA = Source("Kornblith et al. 2019", "https://arxiv.org/abs/1905.00414")

TERMS: tuple[Term, ...] = (
    Term(
        "attention-map",
        N_("Attention map"),
        N_("The attention weights of one head: rows are queries, columns are keys, and each row adds up to 1."),
        N_("attention weights, map, maps, share of attention"),
        pages=("attention",),
        chapter="inputs",
    ),
    Term(
        "entropy",
        N_("Entropy"),
        N_("How widely a distribution is spread: 0 bits for one choice, 1 bit for two equally likely ones."),
        N_("Entropy (bits)"),
        unit=N_("bits"),
        pages=("attention",),
    ),
    Term(
        "normalised-entropy",
        N_("Normalised entropy"),
        N_("Entropy divided by its maximum, log2 of the number of keys that the query sees: 100 % is uniform."),
        N_("uniform"),
        unit="%",
        pages=("attention",),
    ),
    Term(
        "mean-distance",
        N_("Mean distance"),
        N_("Distance in positions from a query to the keys it looks at, weighted by attention."),
        unit=N_("positions"),
        pages=("attention",),
    ),
    Term(
        "rollout",
        N_("Rollout"),
        N_(
            "Averages the attention over the heads of each layer, and multiplies all layers to show where "
            "information could come from. It ignores values and FFNs."
        ),
        N_("attention rollout"),
        pages=("attention",),
        source=ROLLOUT,
    ),
    Term(
        "logit-lens",
        N_("Logit lens"),
        N_(
            "Applies the output layer to the state after each layer, to show what the model would answer if it "
            "stopped there."
        ),
        N_("prediction after each layer, lens"),
        pages=("attention", "depth"),
        source=Source(
            "nostalgebraist 2020",
            "https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens",
        ),
    ),
    Term(
        "ablation",
        N_("Ablation"),
        N_("A part is left out to see how the answer or the quality changes without it."),
        N_("leave out, what matters"),
        pages=("attention",),
    ),
    Term(
        "patch",
        N_("Activation patching"),
        N_(
            "What a layer computes is replaced by what a layer of another forward pass computed, to see what the "
            "answer depends on."
        ),
        N_("patch, patches"),
        pages=("attention",),
        source=Source("Vig et al. 2020", "https://arxiv.org/abs/2004.12265"),
    ),
    Term(
        "swap",
        N_("Swap"),
        N_("Two executed layers exchange their weights. If they share all weights, nothing changes."),
        pages=("attention",),
    ),
    Term(
        "scale-part",
        N_("Scale"),
        N_("What a part adds to the state is multiplied by a factor. 0 leaves it out."),
        N_("factor"),
        pages=("attention",),
    ),
    Term(
        "cosine",
        N_("Cosine similarity"),
        N_(
            "The cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle, -1 for "
            "the opposite."
        ),
        N_("cosine"),
        pages=("attention", "depth"),
        chapter="inputs",
    ),
    Term(
        "cka",
        N_("CKA"),
        N_(
            "Centred kernel alignment compares two layers by the similarities between tokens: 1 is the same up "
            "to rotation and scale."
        ),
        N_("centred kernel alignment, similarity of layers"),
        pages=("attention",),
        source=CKA,
    ),
    Term(
        "js-divergence",
        N_("Jensen-Shannon divergence"),
        N_("How different two distributions are, from 0 (equal) to 1 bit (nothing in common)."),
        N_("similarity"),
        unit=N_("bits"),
        pages=("attention",),
        chapter="inputs",
    ),
    Term(
        "total-variation",
        N_("Total variation"),
        N_("Half the sum of absolute differences between two distributions: the share that would have to move."),
        unit="%",
        pages=("attention",),
    ),
    Term(
        "update",
        N_("Update"),
        N_("What a layer or a loop adds to the state: the difference between its output and its input."),
        N_("cosine of updates, step of a loop"),
        pages=("attention", "depth"),
    ),
    Term(
        "fixed-point",
        N_("Fixed point"),
        N_("A state that another loop does not change. A looped model may come close to one."),
        N_("settle, convergence"),
        pages=("attention", "depth"),
    ),
    Term(
        "distance-l2",
        N_("Distance (L2)"),
        N_("The length of the difference between two vectors."),
        N_("Euclidean distance, Euclidean norm, length"),
        symbols=("L2",),
        pages=("attention", "depth"),
    ),
    Term(
        "bertviz",
        N_("BertViz"),
        N_("A published tool that draws attention as lines between tokens."),
        N_("BertViz's view, head view, model view"),
        pages=("attention",),
        source=Source("Vig 2019", "https://arxiv.org/abs/1906.05714"),
    ),
    Term(
        "greedy",
        N_("Greedy prediction"),
        N_("The model always takes the most probable next token."),
        N_("greedy, most probable answer"),
        pages=("attention", "tryit"),
    ),
    Term(
        "temperature",
        N_("Temperature"),
        N_("Below 1, likely tokens become likelier when text is sampled; above 1, unlikely tokens do."),
        symbols=("T",),
        pages=("tryit", "compare"),
    ),
    Term(
        "top-k",
        N_("Top k"),
        N_("Sample from the k most probable tokens only."),
        symbols=("k",),
        pages=("tryit",),
    ),
    Term(
        "top-p",
        N_("Top p"),
        N_("Sample from the smallest set of most probable tokens whose probabilities sum to p."),
        N_("nucleus sampling"),
        symbols=("p",),
        pages=("tryit",),
        source=Source("Holtzman et al. 2019", "https://arxiv.org/abs/1904.09751"),
    ),
    Term(
        "prompt",
        N_("Prompt"),
        N_("The text that a language model continues."),
        pages=("tryit", "compare"),
    ),
    Term(
        "difficulty",
        N_("Difficulty"),
        N_(
            "A number that says how hard an example is, such as the number of steps to its answer. Pages show "
            "quality for each number."
        ),
        pages=("train", "depth"),
    ),
)
