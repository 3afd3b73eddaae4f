"""Cards of what turns depth into a dial. Start at DEPTH."""

from __future__ import annotations

from clps_core.schemes.scheme import Scheme
from clps_core.words import _

__all__ = ["DEPTH"]

HUGINN = "Geiping et al. 2025, arXiv 2502.05171"
MOR = "Bae et al. 2025, arXiv 2507.10524"

DEPTH: tuple[Scheme, ...] = (
    Scheme(
        name="universal-transformer",
        title=_("Universal Transformer"),
        kind="depth",
        strategy="all,depth_embedding=sinusoidal",
        family="encoder_decoder",
        rule=_("slot = 0; the input of executed layer l gets a signal of l"),
        shared=_("All weights of a stack."),
        kept=_("A fixed signal that says which step it is."),
        saved=_("The weights of L - 1 layers of each stack."),
        lost=_("Quality at equal width and steps, or time for a wider layer."),
        source="Dehghani et al. 2018, arXiv 1807.03819",
        beyond=_("Halting that differs from token to token (ACT) is not built here: all run the same steps."),
    ),
    Scheme(
        name="depth-embedding",
        title=_("A depth signal"),
        kind="depth",
        strategy="all,depth_embedding=learned",
        family="decoder",
        rule=_("the input of executed layer l gets a vector of l: a sinusoid, or a learned one"),
        shared=_("Everything, as the rule beside it says."),
        kept=_("Learned: a vector of d numbers. Sinusoidal: nothing that is stored."),
        saved=_("All of the tie's saving but those."),
        lost=_("With learned vectors the number of loops can no longer be changed."),
        source="Dehghani et al. 2018, arXiv 1807.03819",
    ),
    Scheme(
        name="huginn",
        title=_("A looped core (Huginn)"),
        kind="depth",
        strategy="loop,inject=concat",
        family="decoder",
        rule=_("P layers before, C after; between them K layers run r times: L = P + K r + C"),
        shared=_("The core's weights in all loops; each loop also gets the prelude's output again."),
        kept=_("Prelude and coda: everything."),
        saved=_("The weights of K (r - 1) layers, less the 2 d^2 that join the prelude's output to the state."),
        lost=_("Time per token grows with r; a core trained at one r need not work at another."),
        source=HUGINN,
    ),
    Scheme(
        name="input-injection",
        title=_("The input again at every loop"),
        kind="depth",
        strategy="loop,inject=add",
        family="decoder",
        rule=_("state of loop i = core(state + prelude's output), or of both side by side"),
        shared=_("The prelude's output, by all loops."),
        kept=_("Added: nothing. Side by side: one matrix of 2 d^2 numbers for all loops."),
        saved=_("Nothing: it steadies a loop."),
        lost=_("Nearly nothing in size and time."),
        source=HUGINN,
    ),
    Scheme(
        name="random-loops",
        title=_("A random number of loops in training"),
        kind="depth",
        strategy="all,train_loops=1-6",
        family="decoder",
        rule=_("r drawn anew for every training step"),
        shared=_("The core's weights, at every number of loops."),
        kept=_("Nothing."),
        saved=_("Training time when few loops are drawn; one model for several depths."),
        lost=_("At any one depth a model trained for that depth alone may be better."),
        source=HUGINN,
    ),
)
