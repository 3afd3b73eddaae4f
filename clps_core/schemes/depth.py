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
        rule=N_("slot = 0; the input of executed layer l gets a signal of l"),
        shared=N_("All weights of a stack."),
        kept=N_("A fixed signal that says which step it is."),
        saved=N_("The weights of L - 1 layers of each stack."),
        lost=N_(
            "Time: one wide layer is as large as several narrow ones and slower. Whether it is better depends "
            "on the task."
        ),
        source="Dehghani et al. 2018, arXiv 1807.03819",
        beyond=N_("Halting that differs from token to token (ACT) is not built here: all run the same steps."),
        evidence=(
            Evidence(
                N_("0.9 BLEU above the Transformer on WMT 2014 English to German."),
                "Dehghani et al. 2018, arXiv 1807.03819, abstract",
            ),
            Evidence(
                N_(
                    "Without depth signal and halting, 63M parameters: 26.90 BLEU at half the speed of "
                    "six narrower layers that share nothing, which have 26.48; 12 steps instead of 6 have 26.77."
                ),
                TAKASE + ", table 1",
            ),
            Evidence(
                N_("Language modelling at 121M parameters: perplexity 23.84, six layers that share nothing 21.13."),
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
        rule=N_("the input of executed layer l gets a vector of l: a sinusoid, or a learned one"),
        shared=N_("Everything, as the rule beside it says."),
        kept=N_("Learned: a vector of d numbers. Sinusoidal: nothing that is stored."),
        saved=N_("All of the tie's saving but those."),
        lost=N_("With learned vectors the number of loops can no longer be changed."),
        source="Dehghani et al. 2018, arXiv 1807.03819",
    ),
    Scheme(
        name="huginn",
        title=N_("A looped core (Huginn)"),
        kind="depth",
        strategy="loop,inject=concat",
        family="decoder",
        rule=N_("P layers before, C after; between them K layers run r times: L = P + K r + C"),
        shared=N_("The core's weights in all loops; each loop also gets the prelude's output again."),
        kept=N_("Prelude and coda: everything."),
        saved=N_("The weights of K (r - 1) layers, less the 2 d^2 that join the prelude's output to the state."),
        lost=N_(
            "Time per token grows with the number of loops, and a core trained for many does little in one. "
            "How much more loops help is disputed."
        ),
        source=HUGINN,
        beyond=N_(
            "The paper starts the core's state as random noise and normalises around every branch; here it "
            "starts as the prelude's output."
        ),
        evidence=(
            Evidence(
                N_(
                    "3.5B parameters, the same training on 180B tokens: ARC challenge 29.18 with 32 loops, 26.96 "
                    "with a core that always runs once; grade-school mathematics 10.24 and 2.20."
                ),
                HUGINN + ", table 4",
            ),
            Evidence(
                N_(
                    "After 800B tokens more loops improve reasoning benchmarks, up to a computation load "
                    "equivalent to 50B parameters."
                ),
                HUGINN + ", abstract",
            ),
            Evidence(
                N_(
                    "Looking inside the same model: more loops yield only marginal gains, well short of writing "
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
        rule=N_("state of loop i = core(state + prelude's output), or of both side by side"),
        shared=N_("The prelude's output, by all loops."),
        kept=N_("Added: nothing. Side by side: one matrix of 2 d^2 numbers for all loops."),
        saved=N_("Nothing: it steadies a loop."),
        lost=N_("Nearly nothing in size and time."),
        source=HUGINN,
        evidence=(
            Evidence(
                N_("Adding is as good as concatenating in smaller models; concatenating works best at scale."),
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
        rule=N_("r drawn anew for every training step"),
        shared=N_("The core's weights, at every number of loops."),
        kept=N_("Nothing."),
        saved=N_("Training time when few loops are drawn; one model for several depths."),
        lost=N_("At any one depth a model trained for that depth alone may be better."),
        source=HUGINN,
        beyond=N_(
            "The paper draws from a skewed distribution and backpropagates through the last loops only; here "
            "the draw is even, through all loops."
        ),
        evidence=(
            Evidence(
                N_(
                    "One model, trained with 33 loops on average: ARC challenge 24.06 with 1 loop, 27.99 with 4, "
                    "35.15 with 8, 37.71 with 16, 38.23 with 32."
                ),
                HUGINN + ", tables 1 and 4",
            ),
        ),
    ),
)
