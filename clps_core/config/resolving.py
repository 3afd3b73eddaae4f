"""What follows from task and sizes, filled in and checked. Start at resolve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clps_core.config.data import USUAL_AUGMENT
from clps_core.config.model import ModelConfig
from clps_core.config.reading import validated
from clps_core.config.run import RunConfig, SharingConfig
from clps_core.errors import ConfigError
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import Block, SharingMap, SharingPlan, build_plan, parse_strategy
from clps_core.tasks import TASKS, TaskFacts, Tasks
from clps_core.words import _

__all__ = ["Resolved", "completed", "longest_answer", "longest_input", "resolve", "sharing_map", "sharing_plan"]


@dataclass(frozen=True)
class Resolved:
    """What ``resolve`` found. Whoever has it need not read, plan or look up anything again.

    ``config``: complete; ``plan``: its strategy at its sizes; ``facts``: those of its task.
    """

    config: RunConfig
    plan: SharingPlan
    facts: TaskFacts


def resolve(config: RunConfig | Resolved, tasks: Tasks = TASKS, home: Path | None = None) -> Resolved:
    """The complete config, with everything the task decides filled in and checked, and what was found on the way.

    ``tasks``: those there are; ``home``: where their data sets lie (default: the usual one). What is resolved already
    is returned as it is. Raises ``ConfigError`` where model and task, or map and layers, do not fit.
    """
    if isinstance(config, Resolved):
        return config
    task = tasks.facts(config.data, home)
    complete = completed(config, task)
    return Resolved(complete, sharing_plan(complete.model, complete.sharing), task)


def completed(config: RunConfig, task: TaskFacts | None = None) -> RunConfig:
    """``config`` with everything its task decides filled in; whether its strategy fits these sizes, ``resolve`` asks.

    Raises ``ConfigError`` where model and task do not fit.
    """
    task = task or TASKS.facts(config.data)
    if (task.marks or task.ctc) and config.model.head is None:
        head = "span" if task.marks else "ctc"
        config = config.model_copy(update={"model": config.model.model_copy(update={"head": head})})
    _check_task(config, task)
    longest = longest_input(config, task)
    model = config.model.model_copy(
        update={
            "vocab_size": config.model.vocab_size or task.vocab_size,
            "max_positions": config.model.max_positions or longest,
            "num_classes": config.model.num_classes or task.num_classes,
            "patch_dim": config.model.patch_dim or task.patch_dim,
            "num_queries": config.model.num_queries or task.num_queries,
            "max_target_positions": config.model.max_target_positions or longest_answer(config.model, task),
            "head": config.model.head or ("lm" if task.masked else None),
        }
    )
    if (model.max_positions or 0) < longest:
        raise ConfigError(
            _(
                "max_positions must be at least the longest input of {task} ({longest}). Got {got}. "
                "Raise it or leave it out.",
                task=task.name,
                longest=longest,
                got=model.max_positions,
            )
        )
    if task.vocab_size is not None and (model.vocab_size or 0) < task.vocab_size:
        raise ConfigError(
            _(
                "vocab_size must be at least the vocabulary of {task} ({vocab}). Got {got}. Leave it out.",
                task=task.name,
                vocab=task.vocab_size,
                got=model.vocab_size,
            )
        )
    if task.patch_dim and (model.max_target_positions or 0) < task.max_target_len:
        raise ConfigError(
            _(
                "max_target_positions must be at least the longest answer of {task} ({longest}). Got {got}. Leave it "
                "out.",
                task=task.name,
                longest=task.max_target_len,
                got=model.max_target_positions,
            )
        )
    complete = config.model_copy(update={"model": validated(ModelConfig, model.model_dump())})
    filled: dict[str, int | str] = {}
    if task.windows and complete.data.seq_len is None:
        filled["seq_len"] = task.max_source_len
    if task.difficulty is not None and complete.data.difficulty is None:
        filled["difficulty"] = task.difficulty
    if task.patch_sizes and task.patch_size is not None and complete.data.patch_size is None:
        filled["patch_size"] = task.patch_size
    if "augment" in task.takes and complete.data.augment is None:
        filled["augment"] = USUAL_AUGMENT
    return complete.model_copy(update={"data": complete.data.model_copy(update=filled)}) if filled else complete


def longest_answer(model: ModelConfig, task: TaskFacts) -> int | None:
    """Tokens of the longest answer, where a decoder writes about frames: elsewhere the input's length says it."""
    frames = model.patch_dim or task.patch_dim
    return task.max_target_len if frames and task.max_target_len and not task.num_queries else None


def longest_input(config: RunConfig, task: TaskFacts | None = None) -> int:
    """Positions of the longest input that the task gives the model, a class token included."""
    task = task or TASKS.facts(config.data)
    return max(config.data.seq_len or task.max_source_len, task.max_target_len) + config.model.class_token


def _check_task(config: RunConfig, task: TaskFacts) -> None:
    if config.model.family != task.family:
        raise ConfigError(
            _(
                "task {task} must have a model of family {wanted}. Got {got}. Change the family or the task.",
                task=task.name,
                wanted=task.family,
                got=config.model.family,
            )
        )
    head = config.model.head
    wanted = "lm" if task.masked else "span" if task.marks else "ctc" if task.ctc else "classes"
    usual = head if head in ("lm", "span", "ctc") else "classes"
    if task.family == "encoder" and head is not None and usual != wanted:
        raise ConfigError(
            _(
                "task {task} must have a model with head {wanted}. Got {got}. Leave model.head out.",
                task=task.name,
                wanted=wanted,
                got=head,
            )
        )
    if config.data.seq_len is not None and not task.windows and "seq_len" not in task.takes:
        raise ConfigError(
            _("seq_len must only be given for language models. Got it for task {task}. Leave it out.", task=task.name)
        )
    if config.data.tokenizer is not None and "tokenizer" not in task.takes:
        raise ConfigError(
            _(
                "data.tokenizer must only be given for texts of your own. Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.data.by_length is not None and "by_length" not in task.takes:
        raise ConfigError(
            _(
                "data.by_length must only be given for inputs of different lengths, such as those of task sentences. "
                "Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.model.num_queries is not None and task.num_queries is None:
        raise ConfigError(
            _(
                "model.num_queries must only be given for task objects. Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.data.clutter is not None and "clutter" not in task.takes:
        raise ConfigError(
            _("data.clutter must only be given for task objects. Got it for task {task}. Leave it out.", task=task.name)
        )
    if config.data.augment is not None and "augment" not in task.takes:
        raise ConfigError(
            _(
                "data.augment must only be given for your own pictures. Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.data.vary_sounds is not None and "vary_sounds" not in task.takes:
        raise ConfigError(
            _(
                "data.vary_sounds must only be given for your own sounds. Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.data.difficulty is not None and task.difficulty is None:
        raise ConfigError(
            _(
                "data.difficulty must only be given for generated tasks. Got it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    if config.data.patch_size is not None and not task.patch_sizes:
        raise ConfigError(
            _(
                "data.patch_size must only be given for images whose patches can be chosen, such as task mnist. Got "
                "it for task {task}. Leave it out.",
                task=task.name,
            )
        )
    _check_training(config)


def _check_training(config: RunConfig) -> None:
    if config.optim.warmup_steps > config.train.end_step:
        raise ConfigError(
            _(
                "warmup_steps must be at most steps ({steps}). Got {warmup}. Lower warmup_steps.",
                steps=config.train.end_step,
                warmup=config.optim.warmup_steps,
            )
        )
    if config.train.accumulate > config.train.batch_size:
        raise ConfigError(
            _(
                "train.accumulate must be at most batch_size ({batch}). Got {got}. Lower train.accumulate.",
                batch=config.train.batch_size,
                got=config.train.accumulate,
            )
        )


def sharing_plan(model: ModelConfig, sharing: SharingConfig) -> SharingPlan:
    """What ``sharing`` means at the sizes of ``model``; raises ``ConfigError`` where they do not fit."""
    blocks = {stack: Block(num_layers, block_shapes(model, stack)) for stack, num_layers in stack_layers(model).items()}
    return build_plan(blocks, parse_strategy(sharing.strategy))


def sharing_map(model: ModelConfig, sharing: SharingConfig) -> SharingMap:
    """The map of ``sharing`` at the sizes of ``model``: the plan without reuse, extras and execution."""
    return sharing_plan(model, sharing).map
