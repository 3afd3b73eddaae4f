"""Cards of what turns depth into a dial. Start at DEPTH."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import N_

__all__ = ["DEPTH"]

TAKASE = "Takase & Kiyono 2021, arXiv 2104.06022"
HUGINN = "Geiping et al. 2025, arXiv 2502.05171"

DEPTH: tuple[Scheme, ...] = (
    Scheme(
        name="universal-transformer",
        title=N_("Universal Transformer"),
        kind="depth",
        strategy="all,depth_embedding=sinusoidal",
        family="encoder_decoder",
        rule=N_("slot = 0; the input of executed layer l gets a signal that depends on l"),
        shared=N_("All weights of a stack."),
        kept=N_("A fixed signal that tells each step its number."),
        saved=N_("The weights of L - 1 layers of each stack."),
        lost=N_(
            "Time: one wide layer is as large as several narrow ones, and slower. Which is better depends on the task."
        ),
        source="Dehghani et al. 2018, arXiv 1807.03819",
        beyond=N_(
            "Halting that differs from token to token (ACT) is not implemented: all tokens run the same number of "
            "steps."
        ),
        evidence=(
            Evidence(
                N_("0.9 BLEU better than the Transformer on WMT 2014 English to German."),
                "Dehghani et al. 2018, arXiv 1807.03819, abstract",
            ),
            Evidence(
                N_(
                    "Without depth signal and halting, 63M parameters: 26.90 BLEU with 6 steps and 26.77 with 12. "
                    "Six narrower layers that share nothing have 26.48 BLEU and are twice as fast."
                ),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_(
                    "Language modelling with 121M parameters: perplexity 23.84; six layers that share nothing have "
                    "21.13."
                ),
                TAKASE + ", table 5",
            ),
        ),
    ),
    Scheme(
        name="depth-embedding",
        title=N_("A depth signal"),
        kind="depth",
        strategy="all,depth_embedding=learned",
        family="decoder",
        rule=N_("the input of executed layer l gets a vector that depends on l: sinusoidal, or learned"),
        shared=N_("Everything that the sharing rule shares."),
        kept=N_("Learned: a vector of width d per layer. Sinusoidal: nothing is stored."),
        saved=N_("Everything that the sharing rule saves, minus these separate weights."),
        lost=N_("With learned vectors the number of loops can no longer be changed."),
        source="Dehghani et al. 2018, arXiv 1807.03819",
    ),
    Scheme(
        name="huginn",
        title=N_("A looped core (Huginn)"),
        kind="depth",
        strategy="loop,inject=concat",
        family="decoder",
        rule=N_("P layers before and C layers after; between them, K layers run r times: L = P + K r + C"),
        shared=N_("The core's weights, in all loops. Each loop also receives the prelude's output again."),
        kept=N_("The prelude and the coda: everything."),
        saved=N_("The weights of K (r - 1) layers, minus the 2 d^2 that join the prelude's output to the state."),
        lost=N_(
            "Time per token grows with the number of loops, and a core trained for many loops does little in one. It "
            "is disputed how much more loops help."
        ),
        source=HUGINN,
        beyond=N_(
            "The paper starts the core's state as random noise and adds norms around every branch; here the state "
            "starts as the prelude's output."
        ),
        evidence=(
            Evidence(
                N_(
                    "3.5B parameters, the same training on 180B tokens: ARC challenge 29.18 with 32 loops, and 26.96 "
                    "with a core that always runs once; grade-school mathematics 10.24 and 2.20."
                ),
                HUGINN + ", table 4",
            ),
            Evidence(
                N_(
                    "After 800B tokens, more loops improve reasoning benchmarks, up to the computation of a model "
                    "with 50B parameters."
                ),
                HUGINN + ", abstract",
            ),
            Evidence(
                N_(
                    "An analysis of the same model: more loops give only marginal gains, well below those of writing "
                    "the steps out."
                ),
                "Lu et al. 2025, arXiv 2507.02199, abstract",
            ),
        ),
    ),
    Scheme(
        name="input-injection",
        title=N_("The input again at every loop"),
        kind="depth",
        strategy="loop,inject=add",
        family="decoder",
        rule=N_("state of loop i = core(state + prelude's output), or core of both concatenated"),
        shared=N_("The prelude's output, in all loops."),
        kept=N_("Added: nothing. Concatenated: one matrix with 2 d^2 weights, the same in all loops."),
        saved=N_("Nothing. It makes a loop more stable."),
        lost=N_("Almost nothing in size and time."),
        source=HUGINN,
        evidence=(
            Evidence(
                N_("In smaller models, adding is as good as concatenating; in large models, concatenating works best."),
                HUGINN + ", section 3.2",
            ),
        ),
    ),
    Scheme(
        name="random-loops",
        title=N_("A random number of loops in training"),
        kind="depth",
        strategy="all,train_loops=1-6",
        family="decoder",
        rule=N_("r is drawn at random for every training step"),
        shared=N_("The core's weights, for every number of loops."),
        kept=N_("Nothing."),
        saved=N_("Training time when few loops are drawn. One model serves several depths."),
        lost=N_("At any single depth, a model trained for that depth only may be better."),
        source=HUGINN,
        beyond=N_(
            "The paper draws r from a skewed distribution and backpropagates through the last loops only; here r is "
            "drawn uniformly and gradients pass through all loops."
        ),
        evidence=(
            Evidence(
                N_(
                    "One model, trained with 33 loops on average: ARC challenge 24.06 with 1 loop, 27.99 with 4, "
                    "35.15 with 8, 37.71 with 16 and 38.23 with 32."
                ),
                HUGINN + ", tables 1 and 4",
            ),
        ),
    ),
)
