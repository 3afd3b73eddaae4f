"""Terms of training and of data."""

from __future__ import annotations

from clps_core.glossary.term import Source, Term
from clps_core.words import N_

__all__ = ["TERMS"]

ADAMW = Source("Loshchilov and Hutter 2017", "https://arxiv.org/abs/1711.05101")

TERMS: tuple[Term, ...] = (
    Term(
        "run",
        N_("Run"),
        N_("One training of one design with one seed."),
        N_("training run"),
        pages=("start", "train", "runs", "compare"),
    ),
    Term(
        "task",
        N_("Task"),
        N_("What a model learns: the data, the form of its answers, and the metric that scores them."),
        pages=("data", "train"),
    ),
    Term(
        "step",
        N_("Step"),
        N_("One update of the weights, from one batch of examples."),
        N_("training step"),
        pages=("train", "runs", "compare", "attention"),
    ),
    Term(
        "batch",
        N_("Batch size"),
        N_("How many examples one step uses."),
        N_("batch, batches"),
        symbols=("batch_size",),
        pages=("train", "compare"),
    ),
    Term(
        "micro-batch",
        N_("Micro-batch"),
        N_("A part of a batch. Gradients of the parts are added, so a large batch needs less memory."),
        N_("gradient accumulation"),
        pages=("train",),
    ),
    Term(
        "loss",
        N_("Loss"),
        N_("What training reduces: here the mean negative log probability of the correct answers (cross-entropy)."),
        N_("cross-entropy"),
        pages=("learn", "train", "runs", "compare", "attention"),
    ),
    Term(
        "gradient",
        N_("Gradient"),
        N_("How the loss changes with each weight. A shared weight gets the sum of the gradients of all its uses."),
        pages=("learn", "attention"),
    ),
    Term(
        "gradient-norm",
        N_("Gradient norm"),
        N_("The length of the gradient of all weights together. A sudden rise is a sign of unstable training."),
        N_("norm of the gradient, gradient clipping"),
        pages=("runs", "compare"),
    ),
    Term(
        "learning-rate",
        N_("Learning rate"),
        N_(
            "How far each step moves the weights. If it is too high, training is unstable; if too low, training "
            "is slow."
        ),
        symbols=("learning_rate",),
        pages=("train", "runs"),
    ),
    Term(
        "schedule",
        N_("Schedule"),
        N_("How the learning rate changes during training, such as a fall along a cosine."),
        N_("cosine, linear, constant, decay fraction, final rate"),
        symbols=("wsd",),
        pages=("train",),
    ),
    Term(
        "warm-up",
        N_("Warm-up"),
        N_("The first steps, in which the learning rate rises from zero."),
        N_("warm-up steps"),
        symbols=("warmup_steps",),
        pages=("train",),
    ),
    Term(
        "optimiser",
        N_("Optimiser"),
        N_("The rule that turns gradients into updates of the weights. AdamW is usual for Transformers."),
        N_("AdamW, optimizer"),
        pages=("train",),
        source=ADAMW,
    ),
    Term(
        "muon",
        N_("Muon"),
        N_("An optimiser for matrices. It makes all directions of an update about equally large."),
        N_("Muon's momentum, Muon's learning rate"),
        pages=("train",),
        source=Source("Jordan et al. 2024", "https://kellerjordan.github.io/posts/muon/"),
    ),
    Term(
        "weight-decay",
        N_("Weight decay"),
        N_("Each step also makes weights a little smaller. It limits overfitting."),
        symbols=("weight_decay",),
        pages=("train",),
        source=ADAMW,
    ),
    Term(
        "augmentation",
        N_("Augmentation"),
        N_(
            "Training images are varied a little at each step, such as moved or mirrored. A model then sees more than "
            "the images there are. Images of an evaluation stay as they are."
        ),
        symbols=("augment",),
        pages=("train", "data"),
    ),
    Term(
        "dropout",
        N_("Dropout"),
        N_("In training, a random share of the numbers inside the model is set to zero. It limits overfitting."),
        pages=("train",),
        source=Source("Srivastava et al. 2014", "https://jmlr.org/papers/v15/srivastava14a.html"),
    ),
    Term(
        "overfitting",
        N_("Overfitting"),
        N_("A model fits its training examples too closely: it gets better on them and worse on new ones."),
        pages=("learn", "train"),
    ),
    Term(
        "average-of-weights",
        N_("Average of weights"),
        N_(
            "A second copy of the weights, a moving average over steps. It is often a little better than the "
            "last weights."
        ),
        N_("EMA, exponential moving average"),
        pages=("train",),
    ),
    Term(
        "checkpoint",
        N_("Checkpoint"),
        N_(
            "Weights saved during training. Pages can look into them, and a stopped run continues from its last "
            "checkpoint."
        ),
        N_("best weights"),
        pages=("runs", "attention"),
    ),
    Term(
        "seed",
        N_("Seed"),
        N_("A number that fixes the initial weights and dropout of a run. Several seeds show how much is chance."),
        N_("random seed"),
        pages=("train", "runs", "compare"),
    ),
    Term(
        "data-seed",
        N_("Data seed"),
        N_(
            "A number that fixes which examples come in which step. Runs that are compared should have the same "
            "data seed."
        ),
        pages=("train", "compare"),
    ),
    Term(
        "fold",
        N_("Fold"),
        N_(
            "One way to split a small data set into training and validation examples. Each fold validates on "
            "other examples."
        ),
        N_("cross-validation"),
        pages=("train", "compare"),
    ),
    Term(
        "training-split",
        N_("Training split"),
        N_("The examples that the weights are trained on."),
        N_("training data, training set"),
        pages=("data",),
    ),
    Term(
        "validation-split",
        N_("Validation split"),
        N_(
            "Examples that are not used for training the weights. They are scored during training and decide "
            "which weights are best."
        ),
        N_("validation, validation data, held-out examples"),
        pages=("data", "compare", "attention"),
    ),
    Term(
        "test-split",
        N_("Test split"),
        N_(
            "Examples that are used neither for training nor for any choice, but for task pairs, which measures "
            "memory. They are scored once, after training."
        ),
        N_("test, test data"),
        pages=("data", "compare", "attention"),
    ),
    Term(
        "fork",
        N_("Fork"),
        N_("A run that starts with the weights of another run."),
        N_("derived run"),
        pages=("runs", "compare"),
    ),
    Term(
        "initial-weights",
        N_("Initial weights"),
        N_("The weights before the first step: random, or those of another run."),
        N_("initialisation, random weights"),
        pages=("train", "compare"),
    ),
    Term(
        "sweep",
        N_("Sweep"),
        N_("Many runs that vary one or more fields of the config, to find good values and what matters."),
        N_("hyperparameter search"),
        pages=("train",),
    ),
    Term(
        "config",
        N_("Config"),
        N_("All settings of a run: the model, its sharing, the data and the training."),
        N_("configuration, field, fields"),
        pages=("train", "runs", "compare"),
    ),
    Term(
        "patience",
        N_("Patience"),
        N_("Training stops if the validation score has not improved for this many evaluations."),
        N_("early stopping"),
        pages=("train",),
    ),
)
