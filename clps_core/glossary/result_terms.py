"""Terms of results: metrics and statistics."""

from __future__ import annotations

from clps_core.glossary.term import Source, Term
from clps_core.words import N_

__all__ = ["TERMS"]

TERMS: tuple[Term, ...] = (
    Term(
        "metric",
        N_("Metric"),
        N_(
            "A number that scores a model on examples. The loss guides training; the metric says how good the "
            "answers are."
        ),
        N_("score, quality"),
        pages=("data", "compare", "depth", "attention"),
    ),
    Term(
        "accuracy",
        N_("Accuracy"),
        N_("The share of examples with a correct answer."),
        unit="%",
        pages=("runs", "compare", "depth"),
    ),
    Term(
        "top-k-accuracy",
        N_("Top-k accuracy"),
        N_("The share of examples whose correct class is among the k most probable answers."),
        N_("top-3 accuracy, top-5 accuracy"),
        unit="%",
        pages=("runs", "compare"),
    ),
    Term(
        "exact-match",
        N_("Exact match"),
        N_("The share of answers that are correct in every token."),
        unit="%",
        pages=("runs", "compare", "depth"),
    ),
    Term(
        "token-accuracy",
        N_("Token accuracy"),
        N_("The share of tokens that are predicted correctly when all earlier tokens are given."),
        N_("masked accuracy"),
        unit="%",
        pages=("runs", "compare"),
    ),
    Term(
        "f1",
        N_("F1"),
        N_(
            "The harmonic mean of precision and recall. Macro F1 is its mean over classes; token F1 compares "
            "words of answers."
        ),
        N_("Macro F1, Token F1"),
        unit="%",
        pages=("compare",),
    ),
    Term(
        "perplexity",
        N_("Perplexity"),
        N_(
            "e to the power of the loss per token: as if the model chose among this many equally likely tokens. "
            "Lower is better."
        ),
        N_("pseudo-perplexity"),
        symbols=("ppl",),
        pages=("runs", "compare"),
    ),
    Term(
        "bits-per-byte",
        N_("Bits per byte"),
        N_(
            "The loss in bits, divided by the bytes of the text. Unlike perplexity, it does not depend on the "
            "tokenizer."
        ),
        unit=N_("bits"),
        pages=("runs", "compare"),
    ),
    Term(
        "bleu",
        N_("BLEU"),
        N_("The overlap of a translation with a correct one, in sequences of one to four words, from 0 to 100."),
        pages=("compare",),
        source=Source("Papineni et al. 2002", "https://aclanthology.org/P02-1040/"),
    ),
    Term(
        "chrf",
        N_("chrF"),
        N_("The overlap of a translation with a correct one, in short sequences of characters, from 0 to 100."),
        pages=("compare",),
        source=Source("Popović 2015", "https://aclanthology.org/W15-3049/"),
    ),
    Term(
        "average-precision",
        N_("Average precision"),
        N_(
            "How well things are found in pictures, as COCO defines it: the mean precision over all recalls, averaged "
            "over the classes. For AP50 a box must overlap the right one by at least half; AP averages this over "
            "overlaps from 0.5 to 0.95."
        ),
        N_("AP, AP50, mean average precision, overlap, IoU"),
        unit="%",
        pages=("runs", "compare"),
    ),
    Term(
        "counting-accuracy",
        N_("Counting accuracy"),
        N_("The share of pictures in which as many things were found as there are."),
        unit="%",
        pages=("runs", "compare"),
    ),
    Term(
        "word-error-rate",
        N_("Word error rate"),
        N_(
            "Words to replace, put in or take out of a transcript, as a share of the correct ones. The character error "
            "rate counts characters, spaces too. Lower is better."
        ),
        N_("character error rate, WER, CER"),
        unit="%",
        pages=("runs", "compare", "tryit"),
    ),
    Term(
        "ctc",
        N_("CTC"),
        N_(
            "Connectionist temporal classification: each position of a sound gets a label or a blank. Equal labels "
            "next to each other count once, and blanks are left out. The loss adds up all ways to write the answer."
        ),
        N_("alignment, blank"),
        pages=("tryit", "attention"),
        source=Source("Graves et al. 2006", "https://doi.org/10.1145/1143844.1143891"),
    ),
    Term(
        "seq2seq",
        N_("Sequence to sequence"),
        N_(
            "An encoder reads the input, and a decoder writes the answer token by token and ends it itself. In "
            "training the decoder is given the correct tokens so far (teacher forcing); later it reads its own."
        ),
        N_("seq2seq, teacher forcing, greedy decoding"),
        pages=("tryit", "attention"),
        source=Source("Sutskever et al. 2014", "https://arxiv.org/abs/1409.3215"),
    ),
    Term(
        "spectrogram",
        N_("Spectrogram"),
        N_("How loud a sound is at each time and pitch. Models read its logarithm in bands as wide as ears hear them."),
        N_("log-mel, mel band, frame"),
        pages=("tryit", "attention"),
    ),
    Term(
        "baseline",
        N_("Baseline"),
        N_(
            "The score of a simple answer that needs no model, such as always the most frequent class. A useful "
            "model must beat it."
        ),
        N_("trivial baseline"),
        pages=("data", "compare", "depth"),
    ),
    Term(
        "true-class",
        N_("True class"),
        N_("The correct class of an example. The predicted class is the one that the model chooses."),
        N_("predicted class, confused classes, confusion matrix"),
        pages=("compare",),
    ),
    Term(
        "standard-deviation",
        N_("Standard deviation"),
        N_("How much values of several seeds spread around their mean."),
        N_("spread"),
        symbols=("±",),
        pages=("compare",),
    ),
    Term(
        "confidence-interval",
        N_("95 % interval"),
        N_("A range for the true value. If the experiment were repeated, about 95 % of such ranges would contain it."),
        N_("confidence interval, interval"),
        pages=("compare", "attention"),
    ),
    Term(
        "pair",
        N_("Pair of runs"),
        N_(
            "Two runs of different designs with the same seed, data seed and fold. Comparing them removes the "
            "random effects that both have in common."
        ),
        N_("pairs, paired t test"),
        pages=("compare", "train"),
    ),
    Term(
        "p-value",
        N_("p value"),
        N_(
            "How often chance alone would give at least this difference if both designs were equally good. Not "
            "the chance of being wrong."
        ),
        N_("significance"),
        symbols=("p",),
        pages=("compare",),
    ),
    Term(
        "holm",
        N_("Holm correction"),
        N_(
            "With many comparisons, some differences look clear by chance. Holm's method raises p values to "
            "account for this."
        ),
        N_("Holm, multiple comparisons"),
        pages=("compare", "train"),
        source=Source("Holm 1979", "https://www.jstor.org/stable/4615733"),
    ),
    Term(
        "verdict",
        N_("Verdict"),
        N_(
            "Says, from pairs of runs, whether a design is better or worse than a reference, as good as it, or "
            "cannot be told apart from it."
        ),
        pages=("compare",),
        chapter="costs",
    ),
    Term(
        "reference",
        N_("Reference"),
        N_("The design that the others are compared with."),
        N_("reference design"),
        pages=("compare",),
    ),
    Term(
        "as-good",
        N_("As good"),
        N_(
            "The difference is shown to be smaller than a fixed margin, by two one-sided tests. The lack of a "
            "clear difference is not enough."
        ),
        N_("equivalence, margin, two one-sided tests"),
        pages=("compare", "train"),
        source=Source("Schuirmann 1987", "https://doi.org/10.1007/BF01068419"),
    ),
    Term(
        "pareto-front",
        N_("Pareto front"),
        N_("Designs for which no other design has at least the same quality at the same or a lower cost."),
        N_("front"),
        pages=("compare",),
    ),
    Term(
        "scaling",
        N_("Scaling"),
        N_("How quality changes as one size grows: width, depth or loops."),
        N_("scaling chart"),
        pages=("compare",),
    ),
    Term(
        "importance",
        N_("Importance"),
        N_("The share of the variance of quality in a sweep that a field explains."),
        N_("interaction, variance"),
        pages=("train", "compare"),
        source=Source("Hutter et al. 2014", "https://proceedings.mlr.press/v32/hutter14.html"),
    ),
)
