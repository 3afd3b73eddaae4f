"""Terms of what models cost: parameters, operations, memory and time."""

from __future__ import annotations

from clps_core.glossary.term import Term
from clps_core.words import N_

__all__ = ["TERMS"]

TERMS: tuple[Term, ...] = (
    Term(
        "parameter",
        N_("Parameter"),
        N_("One number that training changes. Weights and biases consist of parameters."),
        N_("weights, weight"),
        pages=("learn", "design", "compare"),
        chapter="stored",
    ),
    Term(
        "flops",
        N_("FLOPs"),
        N_(
            "Floating-point operations: additions and multiplications. They measure computation independently of "
            "the machine."
        ),
        N_("floating-point operations, training FLOPs, computation"),
        unit=N_("operations"),
        pages=("learn", "design", "train", "compare"),
        chapter="stored",
    ),
    Term(
        "flops-per-token",
        N_("FLOPs per token"),
        N_(
            "Floating-point operations to train on one token, forward and backward. A shared layer counts at every use."
        ),
        N_("FLOPs/token"),
        unit=N_("operations per token"),
        pages=("design", "train"),
        chapter="stored",
    ),
    Term(
        "kv-cache",
        N_("KV cache"),
        N_(
            "Keys and values of earlier tokens, kept while a decoder writes. Only layers with their own keys and "
            "values need it, so sharing weights alone does not make it smaller."
        ),
        N_("KV cache/token, cache of keys and values"),
        unit=N_("bytes"),
        pages=("learn", "design", "compare"),
        chapter="kv",
    ),
    Term(
        "training-memory",
        N_("Training memory"),
        N_(
            "Memory that training needs for weights, gradients, optimiser state and activations. Design's table "
            "leaves activations out."
        ),
        N_("memory to train, memory"),
        unit=N_("bytes"),
        pages=("design", "train", "compare"),
        chapter="stored",
    ),
    Term(
        "optimiser-state",
        N_("Optimiser state"),
        N_("What the optimiser keeps for each stored parameter. AdamW keeps two numbers, its moments."),
        N_("AdamW's moments, moments"),
        pages=("design",),
        chapter="when",
    ),
    Term(
        "activations",
        N_("Activations"),
        N_("Intermediate results of the layers, kept for the backward pass. Sharing weights does not reduce them."),
        N_("intermediate results"),
        pages=("design", "train"),
        chapter="when",
    ),
    Term(
        "precision",
        N_("Precision"),
        N_("How many bits a number has in training: fp32 has 32. bf16 has 16, is faster on GPUs, and is less exact."),
        N_("fp32, bf16"),
        pages=("train", "compare"),
    ),
    Term(
        "tokens-per-second",
        N_("Tokens/s"),
        N_(
            "Training speed in tokens per second, without padding. It depends on the machine and on what else "
            "runs there."
        ),
        N_("tokens per second, throughput"),
        unit=N_("tokens per second"),
        pages=("runs", "compare"),
    ),
    Term(
        "cpu-time",
        N_("CPU time"),
        N_(
            "Seconds that processor cores spent on a training run. Waiting does not count; a second with two busy "
            "cores counts as two."
        ),
        N_("CPU seconds"),
        unit=N_("seconds"),
        pages=("compare",),
    ),
    Term(
        "forward-pass",
        N_("Forward pass"),
        N_("One computation of the model from input to output. The backward pass then computes the gradients."),
        N_("pass, backward pass"),
        pages=("learn", "attention", "compare"),
    ),
)
