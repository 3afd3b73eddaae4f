"""Training as an outline. Start at train.

Everything a step depends on is a function of (config, step): the batch, the learning rate, the
dropout. So the state is weights and optimiser moments, a checkpoint holds it all, and a killed run
that goes on equals its undisturbed twin, on the CPU bit for bit.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from clps_core.analysis.tensors import stored_shapes
from clps_core.config import Resolved, RunConfig, resolve
from clps_core.data.base import Batch, TaskData
from clps_core.data.confusion import Confusion, keep_confusion
from clps_core.data.registry import load_task
from clps_core.data.text_samples import writes_at
from clps_core.errors import CheckpointError
from clps_core.home import home_of
from clps_core.model.transformer import Transformer, build_model
from clps_core.tasks import TASKS
from clps_core.training.checkpoint import (
    Checkpoint,
    checkpoint_path,
    latest,
    read,
    restore_weights,
    save_best,
    save_last,
    weights,
)
from clps_core.training.continuing import begin_with, no_beginning
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate, real_tokens, to_device
from clps_core.training.explained import divergence, memory_errors_explained, not_finite
from clps_core.training.final_score import keep_signatures, score_test
from clps_core.training.micro_batches import parts
from clps_core.training.optimiser import Optimiser
from clps_core.training.probes import ProbeInput, probe_inputs, probe_steps, write_probe
from clps_core.training.randomness import loops_at, reseed
from clps_core.training.run_folder import fixed_placement, open_folder
from clps_core.training.schedule import learning_rate
from clps_core.training.sink import Outcome, Sink
from clps_core.training.stopwatch import Stopwatch
from clps_core.training.text_samples import Beginning, beginnings, write_samples
from clps_core.words import _, ngettext
from clps_core.work import Work

__all__ = ["train"]

logger = logging.getLogger(__name__)


@dataclass
class Run:
    """One attempt in progress; ``step`` counts the updates done."""

    config: RunConfig
    folder: Path
    sink: Sink
    placement: Placement
    data: TaskData
    work: Work
    model: Transformer
    optimiser: Optimiser
    probes: tuple[ProbeInput, ...]
    probe_at: frozenset[int]
    texts: tuple[Beginning, ...]
    step: int = 0
    resumed: bool = False
    saved_step: int = -1
    checked_step: int = -1
    best: dict[str, float] | None = None
    untrained_loss: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    loss: Tensor | None = None
    gradient_norm: Tensor | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def is_last_step(self) -> bool:
        return self.step >= self.config.train.steps

    def due(self, every: int) -> bool:
        return self.step % every == 0 or self.is_last_step


def train(config: RunConfig | Resolved, folder: Path, sink: Sink, *, device: Placement | None = None) -> Outcome:
    """Train the run of ``folder`` to its end, or until the sink asks for a stop; at its end, score the test split.

    Goes on from ``folder/checkpoints`` if there is one; the placement of the first attempt then wins
    over ``device``. Raises ``TrainingError`` (the loss is not finite, memory ran out),
    ``CheckpointError`` (nothing whole to resume from, disk full) and ``DataError``.
    """
    found = resolve(config)
    config, data = found.config, load_task(found, home=home_of(folder))
    open_folder(folder, config, data)
    placement = fixed_placement(folder, config, device)
    with placement.in_force(), memory_errors_explained(config, placement.device):
        run = prepare(config, folder, sink, placement, data)
        if not run.resumed:
            evaluation_step(run)
            probe_step(run)
        if sink.stop_requested() == "early":  # decided in an earlier attempt, which died before it could end
            return ended(run, "early")
        while not (run.is_last_step or out_of_patience(run)):
            train_step(run)
            if run.step == 1 or run.due(config.train.log_every):
                log_step(run)
            if run.due(config.train.eval_every):
                evaluation_step(run)
            if run.step in run.probe_at:
                probe_step(run)
            stop = sink.stop_requested()
            if stop or out_of_patience(run) or run.due(config.train.checkpoint_every):
                save(run)
            if stop and not run.is_last_step:
                return ended(run, stop)
        return ended(run)


def prepare(config: RunConfig, folder: Path, sink: Sink, placement: Placement, data: TaskData) -> Run:
    """Model, optimiser and probes on the device, restored from the latest whole checkpoint if there is one.

    A fork that has none yet begins with the weights that lie in its folder (``start``), at step 0; one that trains on
    takes the optimiser's state from there, too.
    """
    shapes = stored_shapes(config.model, config.sharing)
    checkpoint = latest(folder, shapes, set_aside=True)
    model = build_model(config).to(placement.device)
    optimiser = Optimiser(model, config.optim)
    model.train()
    wanted = probe_steps(config.train.steps, config.train.probe_count)
    work = TASKS.work(config.data.task)
    inputs = probe_inputs(data) if wanted else ()
    run = Run(config, folder, sink, placement, data, work, model, optimiser, inputs, wanted, beginnings(data))
    logger.info("%s", placement.reason)
    if checkpoint is not None:
        restore_weights(model, checkpoint.tensors)
        optimiser.restore(checkpoint.tensors, config.train.begin_step + checkpoint.step)
        facts = checkpoint.facts
        run.resumed, run.step, run.saved_step = True, checkpoint.step, checkpoint.step
        run.best, run.metrics = facts["best"], dict(facts["metrics"])
        run.untrained_loss = facts.get("untrained_loss")  # checkpoints of earlier versions have none
        run.watch = Stopwatch(float(facts["seconds"]), facts.get("cpu_seconds"))
        logger.info("%s", _("Resumed from step {step}.", step=run.step))
    elif (start := checkpoint_path(folder, "start")).exists():
        parents = read(start, shapes)
        restore_weights(model, parents.tensors)
        begin_with(optimiser, parents, config.train.begin_step)
    elif config.train.begin_step:
        raise CheckpointError(no_beginning(config.train.begin_step))
    return run


def train_step(run: Run) -> None:
    """One update. Nothing here waits for a GPU: losses stay tensors until they are logged.

    But for some tasks' loss: boxes are matched on the CPU, and torch's CTC loss reads its lengths there.
    """
    config, step = run.config, run.config.train.begin_step + run.step
    reseed(config.seed, step, run.placement.device)
    batch = run.data.batch(step, config.train.batch_size)
    run.watch.tokens += real_tokens(batch)
    loops = loops_at(run.model.plan.extras.train_loops, config.seed, step)
    run.optimiser.zero_grad()
    if config.train.accumulate == 1:
        loss = loss_of(run, batch, loops)
        loss.backward()  # type: ignore[no-untyped-call]
        run.loss = loss.detach()
    else:
        shares = []
        for part, share in parts(run.work, batch, config):
            loss = loss_of(run, part, loops) * share
            loss.backward()  # type: ignore[no-untyped-call]
            shares.append(loss.detach())
        run.loss = torch.stack(shares).sum()
    run.gradient_norm = nn.utils.clip_grad_norm_(run.optimiser.parameters, config.optim.clip_norm)
    run.optimiser.step(*rates(config, step))
    run.step += 1


def loss_of(run: Run, batch: Batch, loops: int | None) -> Tensor:
    """The loss of one batch, or of a part of one, that training lowers: a scalar with its gradient's graph."""
    on_device = to_device(batch, run.placement.device)
    with run.placement.autocast():
        output = run.model(
            on_device.inputs,
            input_mask=on_device.input_mask,
            decoder_inputs=on_device.decoder_inputs,
            loops=loops,
        )
        return run.work.loss(output, on_device, run.config)


def rates(config: RunConfig, step: int) -> tuple[float, float]:
    """The learning rate of update ``step``, counted from the first of all trainings, and that of Muon's matrices."""
    optim, end = config.optim, config.train.end_step
    return learning_rate(step, end, optim), learning_rate(step, end, optim, optim.muon_learning_rate)


def log_step(run: Run) -> None:
    """Send the step's loss, gradient norm (before clipping), rate and speed to the sink."""
    loss, norm = finite_step(run)
    speed = run.watch.tokens_per_second()
    rate, _muon_rate = rates(run.config, run.config.train.begin_step + run.step - 1)
    values = {"loss": loss, "gradient_norm": norm, "learning_rate": rate, "tokens_per_second": speed}
    record(run, "train", values)
    run.sink.progress(run.step, speed)


def evaluation_step(run: Run) -> None:
    """Score the held-out examples, with the averaged weights if there are such; the best so far are kept."""
    check_weights(run)
    with run.watch.beside_training(), run.optimiser.averaged():
        values = evaluate(run.model, run.data, run.config, run.placement)
        record(run, "validation", values)
        if math.isfinite(values["loss"]) and writes_at(run.step, run.config.train.eval_every, run.config.train.steps):
            write_samples(run.folder, run.step, run.model, run.data, run.texts)
        if run.step == 0:
            run.untrained_loss = values["loss"]
        logger.info("%s", _("Step {step}: {values}", step=run.step, values=in_words(values)))
        if is_better(run, values):
            facts = run.data.facts
            run.best = {"step": run.step, "value": values[facts.metric], "loss": values["loss"]}
            path = save_best(run.folder, Checkpoint(weights(run.model), {**run.best, "metric": facts.metric}))
            run.sink.artefact("best", run.step, path)


def is_better(run: Run, values: dict[str, float]) -> bool:
    """By the task's metric; among equals (exact match is 0 for long) by the loss."""
    value, loss = values[run.data.facts.metric], values["loss"]
    if run.best is None or not math.isfinite(value):
        return run.best is None
    worth = run.data.facts.judged_by.worth
    return (worth(value), -loss) > (worth(run.best["value"]), -run.best["loss"])


def out_of_patience(run: Run) -> bool:
    """Whether the last ``patience`` evaluations brought nothing better than the best before them.

    Read off the step and the best alone, which a checkpoint holds: a run that goes on ends where its twin does.
    """
    patience, every = run.config.train.patience, run.config.train.eval_every
    if patience is None or run.best is None:
        return False
    return run.step // every - int(run.best["step"]) // every >= patience


def probe_step(run: Run) -> None:
    """Keep the attention of the probe inputs."""
    if run.step in run.probe_at:
        check_weights(run)
        with run.watch.beside_training(), run.optimiser.averaged():
            run.sink.artefact("probe", run.step, write_probe(run.folder, run.step, run.model, run.probes))


def save(run: Run) -> None:
    """Write a checkpoint, after everything recorded up to its step is durable."""
    if run.saved_step == run.step:
        return
    check_weights(run)
    with run.watch.beside_training():
        run.sink.flush()
        begin = run.config.train.begin_step
        facts: dict[str, Any] = {
            **({"begin_step": begin} if begin else {}),
            "step": run.step,
            "seconds": run.watch.seconds,
            "cpu_seconds": run.watch.cpu_seconds,
            "best": run.best,
            "metrics": run.metrics,
            "untrained_loss": run.untrained_loss,
            "plan": run.placement.as_json(),
        }
        tensors = weights(run.model) | run.optimiser.tensors()
        path = save_last(run.folder, Checkpoint(tensors, facts))
        run.saved_step = run.step
        run.sink.artefact("last", run.step, path)


class _Stopped(Exception):
    """A stop was asked for while the test split was scored."""


def test_step(run: Run) -> str | None:
    """Score the chosen weights on the test split; returns the stop that was asked for meanwhile, if any.

    Only at a run's end: nothing may be chosen by what comes out. A resumed run that died here does it again, with
    the same result.
    """

    def stop_asked() -> None:
        stop = run.sink.stop_requested()
        if stop and stop != "early":
            raise _Stopped(stop)

    try:
        chosen = read(checkpoint_path(run.folder, "best"))
        if run.best is None or chosen.step != run.best["step"]:  # of an attempt that had gone further
            raise CheckpointError(_("those in the folder are of step {step}.", step=chosen.step))
        restore_weights(run.model, chosen.tensors)
    except (FileNotFoundError, CheckpointError) as error:
        logger.warning("%s", _("The test split is not scored, because the best weights are missing: {why}", why=error))
        return None
    try:
        with run.watch.beside_training():
            score = score_test(run.model, run.data, run.config, run.placement, stop_asked)
    except _Stopped as stop:
        return str(stop)
    values = score.values
    keep_confused(run, score.confusion(run.data, chosen.step))
    keep_signatures(run.folder, score)
    run.sink.metrics(chosen.step, "test", values)
    run.metrics |= {f"test.{name}": value for name, value in values.items()}
    logger.info("%s", _("Test, with the weights of step {step}: {values}", step=chosen.step, values=in_words(values)))
    return None


def keep_confused(run: Run, confusion: Confusion | None) -> None:
    """Keep which classes are confused; it can be counted again, so a full disk is no reason to fail here."""
    try:
        if confusion is not None:
            keep_confusion(run.folder, confusion)
    except OSError as error:
        logger.warning("%s", _("The confusion of classes was not saved: {why}", why=error.strerror))


def ended(run: Run, reason: str | None = None) -> Outcome:
    """Say how it ended: by itself, or for the ``reason`` a stop was asked for. What ends by itself is tested."""
    if reason in (None, "early"):
        reason = test_step(run) or reason
    run.sink.flush()
    early = None
    if reason == "early":
        logger.info("%s", _("Ended early at step {step}.", step=run.step))
    elif reason:
        logger.info("%s", _("Stopped at step {step} ({reason} requested).", step=run.step, reason=reason))
    else:
        early = None if run.is_last_step else no_better(run)
        logger.info("%s", early or _("Finished at step {step}.", step=run.step))
    status: Literal["stopped", "finished"] = "stopped" if reason and reason != "early" else "finished"
    diverged = None if status == "stopped" else how_diverged(run)
    metrics, watch = dict(run.metrics), run.watch
    return Outcome(status, run.step, metrics, watch.seconds, early, diverged, watch.cpu_seconds)


def how_diverged(run: Run) -> str | None:
    """What to say of a run that ended worse than before training and than a trivial answer; ``None`` for others."""
    loss, untrained = run.metrics.get("validation.loss"), run.untrained_loss
    constant = run.data.baselines("validation", run.config.train.eval_examples)["loss"]
    if loss is None or untrained is None or loss <= max(untrained, constant):
        return None
    logger.warning("%s", said := divergence(run.config, loss, untrained, constant))
    return said


def no_better(run: Run) -> str:
    """Why a run without patience left ended before its last step."""
    assert run.best is not None
    return ngettext(
        "Ended early at step {step} of {steps}: {patience} evaluation did not beat step {best}.",
        "Ended early at step {step} of {steps}: {patience} evaluations in a row did not beat step {best}.",
        run.config.train.patience or 0,
        step=run.step,
        steps=run.config.train.steps,
        patience=run.config.train.patience,
        best=int(run.best["step"]),
    )


def record(run: Run, split: str, values: dict[str, float]) -> None:
    """Hand values to the sink, and remember them as the latest."""
    run.sink.metrics(run.step, split, values)
    run.metrics |= {f"{split}.{name}": value for name, value in values.items()}


def in_words(values: dict[str, float]) -> str:
    """``loss 1.234, exact_match 0.5``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def finite_step(run: Run) -> tuple[float, float]:
    """Loss and gradient norm of the latest step as numbers (this waits for a GPU).

    Raises ``TrainingError`` where one is not finite.
    """
    assert run.loss is not None
    assert run.gradient_norm is not None
    loss, norm = torch.stack([run.loss.double(), run.gradient_norm.double()]).tolist()
    if math.isfinite(loss) and math.isfinite(norm):
        return loss, norm
    raise not_finite(
        run.config, run.step, _("the loss is {loss} and the gradient norm is {norm}", loss=loss, norm=norm)
    )


def check_weights(run: Run) -> None:
    """Raise ``TrainingError`` unless the weights are finite: nothing broken is recorded or saved."""
    if run.checked_step == run.step:
        return
    if run.loss is not None:
        finite_step(run)
    if not bool(torch.stack([parameter.detach().isfinite().all() for parameter in run.optimiser.parameters]).all()):
        raise not_finite(run.config, run.step, _("some weights are not finite"))
    run.checked_step = run.step
