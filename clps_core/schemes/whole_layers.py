"""Cards of the rules that share whole layers. Start at WHOLE_LAYERS."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import N_

__all__ = ["WHOLE_LAYERS"]

ALBERT = "Lan et al. 2019, arXiv 1909.11942"
TAKASE = "Takase & Kiyono 2021, arXiv 2104.06022"
ONE_WIDE_FFN = "Pires et al. 2023, arXiv 2309.01826"
MOR = "Bae et al. 2025, arXiv 2507.10524"

WHOLE_LAYERS: tuple[Scheme, ...] = (
    Scheme(
        name="none",
        title=N_("No sharing"),
        kind="weights",
        strategy="none",
        family="decoder",
        rule=N_("slot = l"),
        shared=N_("Nothing."),
        kept=N_("Each layer has separate weights."),
        saved=N_("Nothing. This is the baseline for all other designs."),
        lost=N_("Memory: weights, gradients and optimiser state grow with the number of layers."),
        source="Vaswani et al. 2017, arXiv 1706.03762",
        evidence=(
            Evidence(
                N_(
                    "A translation model with 61M parameters that shares nothing has 26.48 BLEU with 6 layers. With "
                    "sharing, 61M parameters run as 18 layers and have 27.31, at half the speed."
                ),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_(
                    "Much of the gain from sharing may be easier training: with learning rate and schedule tuned "
                    "for easy training, half the computation of a sharing model gave competitive results on "
                    "eight translation tasks."
                ),
                "Lin et al. 2023, arXiv 2306.09380",
            ),
        ),
    ),
    Scheme(
        name="albert-all",
        title=N_("One layer for all (ALBERT)"),
        kind="weights",
        strategy="all",
        family="encoder",
        rule=N_("slot = 0"),
        shared=N_("Attention, feed-forward network and both norms of all layers."),
        kept=N_("Nothing: layers differ only in their input."),
        saved=N_("The weights of L - 1 layers, but no computation: all L layers still run."),
        lost=N_(
            "Quality at equal width: 1.5 to 2.5 points on average in the paper's ablation, most of it from sharing "
            "the feed-forward networks."
        ),
        source=ALBERT,
        evidence=(
            Evidence(
                N_(
                    "Base size, average of five tasks. E = 128: nothing shared 81.6, everything shared 80.1. E = "
                    "768: 82.3 and 79.8."
                ),
                ALBERT + ", table 4",
            ),
            Evidence(
                N_(
                    "The saved parameters can be used for width: ALBERT-xxlarge (235M parameters) has 88.7; "
                    "BERT-large (334M) has 85.2 and trains about three times as fast."
                ),
                ALBERT + ", table 2",
            ),
            Evidence(
                N_(
                    "Language modelling with 121M parameters: perplexity 23.84 with one wide layer for all, 21.13 "
                    "with six narrower layers that share nothing (lower is better)."
                ),
                TAKASE + ", table 5",
            ),
        ),
    ),
    Scheme(
        name="albert-grouped",
        title=N_("Groups of neighbours (ALBERT)"),
        kind="weights",
        strategy="grouped",
        family="encoder",
        rule=N_("slot = floor(l M / L)"),
        shared=N_("All weights within each group of neighbouring layers. The groups are as equal in size as possible."),
        kept=N_("Nothing within a group."),
        saved=N_("The weights of L - M layers."),
        lost=N_("Less than with one layer for all; smaller groups cost less."),
        source=ALBERT,
        evidence=(
            Evidence(
                N_("Smaller groups perform better; the paper prints no figures."),
                ALBERT + ", section 4.5",
            ),
        ),
    ),
    Scheme(
        name="takase-sequence",
        title=N_("Sequence"),
        kind="weights",
        strategy="sequence",
        family="encoder_decoder",
        rule=N_("slot = floor(l / ceil(L / M))"),
        shared=N_("All weights: each stored layer runs several times in a row. Encoder and decoder share separately."),
        kept=N_("Nothing within a group of equal layers."),
        saved=N_("The weights of L - M layers of each stack."),
        lost=N_(
            "Time compared with M layers that share nothing, since all L layers run. Whether cycle is better depends "
            "on task and depth: papers disagree."
        ),
        source=TAKASE,
        evidence=(
            Evidence(
                N_(
                    "Translation, M = 6, BLEU. 12 layers: sequence 27.13, cycle 27.04, reversed 27.08. 18 layers: "
                    "27.02, 27.25, 27.31. 6 layers that share nothing: 26.48."
                ),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_(
                    "Language modelling, M = 6, 12 layers: perplexity 19.69, the same as cycle; 6 layers that share "
                    "nothing have 21.13."
                ),
                TAKASE + ", table 5",
            ),
            Evidence(N_("Recursive language models: cycle is better than sequence in all four settings."), MOR),
        ),
    ),
    Scheme(
        name="takase-cycle",
        title=N_("Cycle"),
        kind="weights",
        strategy="cycle",
        family="encoder_decoder",
        rule=N_("slot = l mod M"),
        shared=N_("All weights: the M stored layers run in order, repeatedly. Encoder and decoder share separately."),
        kept=N_("Nothing: every pass uses the same weights."),
        saved=N_("The weights of L - M layers of each stack."),
        lost=N_(
            "Time compared with M layers that share nothing, since all L layers run. Whether sequence is better "
            "depends on task and depth: papers disagree."
        ),
        source=TAKASE,
        evidence=(
            Evidence(
                N_(
                    "Translation, M = 6, BLEU. 12 layers: cycle 27.04, sequence 27.13. 18 layers: 27.25 and 27.02. "
                    "One wider layer for all, with the same size: 26.90."
                ),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_(
                    "Feed-forward networks of an encoder only, M = 3, BLEU: cycle 35.5, sequence 35.3, one for all "
                    "35.4, nothing shared 35.6."
                ),
                ONE_WIDE_FFN + ", table 7",
            ),
        ),
    ),
    Scheme(
        name="takase-cycle-rev",
        title=N_("Cycle, the last pass reversed"),
        kind="weights",
        strategy="cycle_rev",
        family="encoder_decoder",
        rule=N_("slot = l mod M; in the last pass M - 1 - (l mod M)"),
        shared=N_("As in cycle, but the last M layers use the stored layers in reverse order."),
        kept=N_("Nothing: every pass uses the same weights."),
        saved=N_("The weights of L - M layers of each stack."),
        lost=N_(
            "The same as with cycle. It is the best of the three in the deep translation model, and the worst in "
            "the language model."
        ),
        source=TAKASE,
        evidence=(
            Evidence(
                N_("Translation, M = 6, 18 layers, BLEU: reversed 27.31, cycle 27.25, sequence 27.02."),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_("Language modelling, M = 6, 12 layers: perplexity reversed 20.24, cycle and sequence 19.69."),
                TAKASE + ", table 5",
            ),
        ),
    ),
    Scheme(
        name="subformer",
        title=N_("Sandwich (Subformer)"),
        kind="weights",
        strategy="sandwich,norms=own",
        family="encoder_decoder",
        rule=N_("slot = 0 for the first layer, 1 for all layers between, 2 for the last"),
        shared=N_("Attention and feed-forward network of all layers between the first and the last."),
        kept=N_("First and last layer: everything. Each layer between: its norms."),
        saved=N_("The weights of L - 3 layers of each stack, minus their norms."),
        lost=N_(
            "Middle layers can no longer specialise. The first and last layer, whose work differs most, still can."
        ),
        source="Reid et al. 2021, arXiv 2101.00234",
        evidence=(
            Evidence(
                N_(
                    "In translation, summarisation and language modelling it can outperform a Transformer with "
                    "significantly more parameters. Sharing all layers equally was worse in these generative models."
                ),
                "Reid et al. 2021, arXiv 2101.00234, abstract",
            ),
            Evidence(
                N_(
                    "Recursive language models: keeping the first and last layer separate (middle cycle) was the "
                    "best of four ways."
                ),
                MOR,
            ),
        ),
    ),
    Scheme(
        name="mobilellm-ls",
        title=N_("Each layer twice in a row (MobileLLM-LS)"),
        kind="weights",
        strategy="sequence",
        family="decoder",
        rule=N_("slot = floor(l / 2), with M = L / 2"),
        shared=N_("All weights within each pair of neighbouring layers."),
        kept=N_("Nothing within a pair."),
        saved=N_(
            "Half of the weights, compared with L stored layers. Compared with M stored layers nothing, but the "
            "depth doubles at the same size."
        ),
        lost=N_(
            "Time: twice as many layers run. Repeating all layers in a cycle was slightly better, but loads every "
            "weight twice."
        ),
        stored="half",
        source="Liu et al. 2024, arXiv 2402.14905",
        evidence=(
            Evidence(
                N_(
                    "Zero-shot average of eight tasks (1T tokens). 125M: 46.3, and 47.0 with each layer run twice; "
                    "350M: 51.3 and 52.1."
                ),
                "Liu et al. 2024, arXiv 2402.14905",
            ),
            Evidence(
                N_(
                    "125M, 0.25T tokens: 45.0 with each layer twice in a row, 45.2 with all layers repeated in a cycle."
                ),
                "Liu et al. 2024, arXiv 2402.14905, table 2",
            ),
        ),
    ),
    Scheme(
        name="mor-cycle",
        title=N_("Recursion: cycle (Mixture-of-Recursions)"),
        kind="weights",
        strategy="cycle",
        family="decoder",
        rule=N_("slot = l mod (L / R), for R recursions"),
        shared=N_("All weights, in every recursion."),
        kept=N_("Nothing."),
        saved=N_("The weights of L - L / R layers."),
        lost=N_("Quality at equal depth; the first and last layer also use shared weights."),
        stored="whole",
        source=MOR,
        evidence=(
            Evidence(
                N_(
                    "With the same parameters, more loops lower the loss: 2.968, 2.921 and 2.911 nats with 1, 2 and "
                    "3 loops."
                ),
                MOR,
            ),
            Evidence(
                N_(
                    "With the same training computation, it is worse than a model that shares nothing at 135M "
                    "parameters, and as good or better from 360M on (with routers)."
                ),
                MOR,
            ),
        ),
        beyond=N_("The routers that choose a number of recursions for each token are not implemented here."),
    ),
    Scheme(
        name="mor-sequence",
        title=N_("Recursion: sequence (Mixture-of-Recursions)"),
        kind="weights",
        strategy="sequence",
        family="decoder",
        rule=N_("slot = floor(l / R), for R recursions"),
        shared=N_("All weights of R neighbouring layers."),
        kept=N_("Nothing within a group of equal layers."),
        saved=N_("The weights of L - L / R layers."),
        lost=N_("More than cycle at equal M, in all four settings of the paper."),
        stored="whole",
        source=MOR,
        evidence=(
            Evidence(
                N_(
                    "Cycle is better than sequence in all four settings; results for translation differ (see Sequence)."
                ),
                MOR,
            ),
        ),
        beyond=N_("The routers that choose a number of recursions for each token are not implemented here."),
    ),
    Scheme(
        name="mor-middle-cycle",
        title=N_("Recursion: middle cycle (Mixture-of-Recursions)"),
        kind="weights",
        strategy="middle_cycle",
        family="decoder",
        rule=N_("slot = 0 and M - 1 for the first and last layer; 1 + (l - 1) mod (M - 2) between"),
        shared=N_("All weights of the layers between, in every recursion."),
        kept=N_("First and last layer: everything."),
        saved=N_("The weights of L - M layers."),
        lost=N_("Two layers more are stored than with cycle; quality at equal depth falls less."),
        source=MOR,
        evidence=(Evidence(N_("It has the lowest validation loss of the four ways; the paper uses it."), MOR),),
        beyond=N_("The routers that choose a number of recursions for each token are not implemented here."),
    ),
    Scheme(
        name="mor-middle-sequence",
        title=N_("Recursion: middle sequence (Mixture-of-Recursions)"),
        kind="weights",
        strategy="middle_sequence",
        family="decoder",
        rule=N_("slot = 0 and M - 1 for the first and last layer; 1 + floor((l - 1) / R) between"),
        shared=N_("All weights of R neighbouring layers between the first and last."),
        kept=N_("First and last layer: everything."),
        saved=N_("The weights of L - M layers."),
        lost=N_("More than middle cycle at equal M."),
        source=MOR,
        evidence=(Evidence(N_("Middle cycle has the lowest validation loss of the four ways."), MOR),),
        beyond=N_("The routers that choose a number of recursions for each token are not implemented here."),
    ),
    Scheme(
        name="integers",
        title=N_("Custom map"),
        kind="weights",
        strategy="custom",
        family="decoder",
        rule=N_("slot = the number you write for layer l; with kv_source, the number of the layer that it reads"),
        shared=N_("All layers with the same number, in any order; if you like, separately for each component."),
        kept=N_("All layers with different numbers."),
        saved=N_("The weights of L - M layers, where M is how many different numbers the map has."),
        lost=N_("Unknown until you train it and compare."),
        source="-",
    ),
)
