"""What a run is: frozen, validated, plain data. Start at RunConfig and resolve.

A person gives a *partial* config (form, URL, YAML, command line); ``build_config`` lays it over the
task's defaults; ``resolve`` fills in what follows from the task and refuses what cannot work. Every
entrance uses these two, so that the same mistake gets the same words everywhere.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from clps_core.errors import ConfigError
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import Block, SharingMap, SharingPlan, build_plan, parse_strategy
from clps_core.tasks import TASKS, TaskFacts, get_task
from clps_core.words import _

__all__ = [
    "SCHEMA_VERSION",
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "RunConfig",
    "SharingConfig",
    "TrainConfig",
    "build_config",
    "config_from_yaml",
    "longest_input",
    "plain_from_yaml",
    "resolve",
    "sharing_map",
    "sharing_plan",
    "validated",
]

SCHEMA_VERSION = 1
MAX_YAML_BYTES = 200_000
MAX_MISTAKES = 5
"""How many mistakes of one config are told at once."""

T = TypeVar("T", bound=BaseModel)
PositiveInt = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelConfig(_Frozen):
    """Sizes and kinds of one Transformer; fields left ``None`` are filled in by ``resolve``."""

    family: Literal["decoder", "encoder_decoder", "encoder"] = "decoder"
    num_layers: Annotated[int, Field(ge=1, le=512)] = 4
    """Executed layers of the (only, or encoder) stack."""
    num_decoder_layers: Annotated[int, Field(ge=1, le=512)] | None = None
    """Executed decoder layers of an encoder-decoder; ``num_layers`` if not given."""
    d_model: Annotated[int, Field(ge=1, le=65536)] = 128
    d_ff: Annotated[int, Field(ge=1, le=262144)] = 512
    num_heads: Annotated[int, Field(ge=1, le=1024)] = 4
    num_kv_heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Heads of keys and values (grouped-query attention); ``num_heads`` if not given."""
    head_dim: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Width of one head; ``d_model / num_heads`` if not given."""
    vocab_size: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    embedding_size: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Width of the embedding table before it is projected to ``d_model``; ``d_model`` if not given."""
    max_positions: Annotated[int, Field(ge=1, le=1_048_576)] | None = None
    """Longest input in tokens (for learned positions: rows of their table)."""
    token_types: Annotated[int, Field(ge=0, le=64)] = 0
    """Rows of a token-type (segment) embedding; 0 for none."""
    patch_dim: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Numbers in one image patch; ``None`` for models of tokens."""
    num_classes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    class_token: bool = False
    """A learned vector before the patches; classes are read off its position (ViT, arXiv 2010.11929)."""
    positions: Literal["sinusoidal", "learned", "rotary", "none"] = "sinusoidal"
    activation: Literal["relu", "gelu", "swiglu"] = "gelu"
    norm: Literal["layernorm", "rmsnorm"] = "layernorm"
    norm_position: Literal["pre", "post"] = "pre"
    norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    final_norm: bool | None = None
    """A norm after the last layer of each stack; by default with pre-norm only."""
    embedding_norm: bool = False
    """A norm on the sum of the embeddings (BERT, ALBERT)."""
    bias: bool = True
    """Biases in linear layers and layer norms."""
    dropout: Fraction = 0.0
    pooler: bool = False
    """A tanh layer on the first position (BERT)."""
    head: Literal["lm", "classes", "none"] | None = None
    """What stands on top; by default ``classes`` for an encoder with classes, ``lm`` for decoders."""
    tie_embeddings: Literal["none", "output", "all"] = "all"
    """``output``: the output layer is the (decoder's) embedding; ``all``: the encoder's as well."""
    rotary_base: Annotated[float, Field(gt=0)] = 10_000.0

    @property
    def decoder_layers(self) -> int:
        """Executed decoder layers: ``num_decoder_layers``, or ``num_layers``."""
        return self.num_decoder_layers or self.num_layers

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.num_kv_heads or self.num_heads

    @property
    def head_size(self) -> int:
        """Width of one head."""
        return self.head_dim or self.d_model // self.num_heads

    @property
    def embedding_width(self) -> int:
        """Width of the embedding table."""
        return self.embedding_size or self.d_model

    @property
    def has_final_norm(self) -> bool:
        """Whether each stack ends in a norm."""
        return self.final_norm if self.final_norm is not None else self.norm_position == "pre"

    @property
    def output(self) -> str:
        """What stands on top of the last layer: ``lm``, ``classes`` or ``none``."""
        if self.head is not None:
            return self.head
        if self.family != "encoder":
            return "lm"
        return "classes" if self.num_classes else "none"

    @model_validator(mode="after")
    def _sizes_fit(self) -> ModelConfig:
        if self.head_dim is None and self.d_model % self.num_heads:
            raise ValueError(
                _(
                    "d_model must be divisible by num_heads. Got {d_model} and {num_heads}. "
                    "Take {suggestion} heads, or set head_dim.",
                    d_model=self.d_model,
                    num_heads=self.num_heads,
                    suggestion=max(n for n in range(1, self.num_heads + 1) if self.d_model % n == 0),
                )
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                _(
                    "num_heads must be a multiple of num_kv_heads. Got {heads} and {kv_heads}. Change one of them.",
                    heads=self.num_heads,
                    kv_heads=self.kv_heads,
                )
            )
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(
                _(
                    "rotary positions need an even width of a head. Got {got}. Change d_model, num_heads or head_dim.",
                    got=self.head_size,
                )
            )
        if self.embedding_width > self.d_model:
            raise ValueError(
                _(
                    "embedding_size must be at most d_model ({d_model}). Got {got}. Lower it.",
                    d_model=self.d_model,
                    got=self.embedding_size,
                )
            )
        if self.num_decoder_layers is not None and self.family != "encoder_decoder":
            raise ValueError(
                _(
                    "num_decoder_layers belongs to family encoder_decoder. Got family {family}. Leave it out.",
                    family=self.family,
                )
            )
        if self.family == "encoder" and self.output == "lm":
            raise ValueError(
                _("an encoder's head must be classes or none. Got lm. Use family decoder for a language model.")
            )
        if self.output == "classes" and self.family != "encoder":
            raise ValueError(_("head classes needs family encoder. Got {family}. Use head lm.", family=self.family))
        if self.patch_dim is not None and self.family != "encoder":
            raise ValueError(_("image patches need family encoder. Got {family}.", family=self.family))
        if self.class_token and (self.family != "encoder" or (self.patch_dim is None and self.vocab_size is not None)):
            raise ValueError(
                _("a class token must stand before the patches of an encoder. Got a model of tokens. Leave it out.")
            )
        if self.pooler and self.family != "encoder":
            raise ValueError(_("a pooler needs family encoder. Got {family}. Leave it out.", family=self.family))
        return self


class SharingConfig(_Frozen):
    """How layers share weights, in the notation of ``sharing/grammar.py``."""

    strategy: str = "none"

    @field_validator("strategy", mode="before")
    @classmethod
    def _read(cls, value: object) -> str:
        try:
            # Only plain scalars are turned to text: YAML aliases make lists whose text would fill the memory.
            return parse_strategy(str(value) if isinstance(value, (str, int)) else "").text
        except ConfigError as error:
            raise ValueError(str(error)) from None


class DataConfig(_Frozen):
    """Which task, and how much of an input a model sees."""

    task: str = "dates"
    seq_len: Annotated[int, Field(ge=2, le=65536)] | None = None
    """Tokens per training window of a language model; the task's own length if not given."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the batches: runs with one data seed see the same batches at every step. No seed moves a split."""
    folds: Annotated[int, Field(ge=2, le=50)] | None = None
    """Cross-validation: training and validation examples together are cut into so many parts; the test split stays."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Which of the ``folds`` parts, counted from 0, is validation; the others are training."""

    @model_validator(mode="after")
    def _fold_is_one_of_folds(self) -> DataConfig:
        if (self.folds is None) != (self.fold is None):
            raise ValueError(_("data.folds and data.fold must be given together. Add the other, or leave both out."))
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(
                _(
                    "data.fold must be less than data.folds ({folds}): it counts from 0. Got {fold}. Lower it.",
                    folds=self.folds,
                    fold=self.fold,
                )
            )
        return self


class OptimConfig(_Frozen):
    """AdamW with linear warm-up and a cosine down to ``final_ratio`` of the rate."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    final_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.98
    eps: Annotated[float, Field(gt=0, lt=1)] = 1e-8
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    label_smoothing: Fraction = 0.0


class TrainConfig(_Frozen):
    """How long, how often, and on what."""

    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 600
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    log_every: PositiveInt = 5
    eval_every: PositiveInt = 50
    eval_examples: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    checkpoint_every: PositiveInt = 50
    probe_count: Annotated[int, Field(ge=0, le=64)] = 12
    """How many log-spaced steps leave the attention of the probe inputs behind."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads of the run; chosen when the run starts if not given."""
    patience: PositiveInt | None = None
    """End the run after so many evaluations without a better one than the best before; by default never."""


class RunConfig(_Frozen):
    """One training: what to build, on what data, how, with which seed."""

    schema_version: Literal[1] = 1
    model: ModelConfig = ModelConfig()
    sharing: SharingConfig = SharingConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of initial weights and dropout."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data that ``validated(RunConfig, ...)`` reads back."""
        return self.model_dump(mode="json")

    def as_yaml(self) -> str:
        """The same as YAML."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)


def validated(kind: type[T], data: Mapping[str, Any]) -> T:
    """``kind`` from plain data; raises ``ConfigError`` with one sentence per mistake."""
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(" ".join(_sentence(kind, detail) for detail in error.errors()[:MAX_MISTAKES])) from None


def build_config(partial: Mapping[str, Any] | None = None) -> RunConfig:
    """A full config: ``partial`` (nested plain data) laid over the defaults of its task.

    Raises ``ConfigError`` for unknown names, wrong types and sizes that do not fit each other.
    """
    given = dict(partial or {})
    data = given.get("data")
    name = data.get("task", "dates") if isinstance(data, Mapping) else "dates"
    task = get_task(name if isinstance(name, str) else reprlib.repr(name))
    base: dict[str, Any] = {name: dict(values) for name, values in task.defaults.items()}
    base.setdefault("model", {})["family"] = task.family
    for name, value in given.items():
        if isinstance(value, Mapping):
            base[name] = {**base.get(name, {}), **value}
        elif value is not None:
            base[name] = value
    return validated(RunConfig, _shortened_warmup(base, given))


def _shortened_warmup(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A default warm-up must not outlast a short run; one that a person asked for is left alone."""
    asked = given.get("optim")
    steps = base.get("train", {}).get("steps") if isinstance(base.get("train"), Mapping) else None
    if isinstance(steps, int) and isinstance(base.get("optim"), dict) and "warmup_steps" not in (asked or {}):
        base["optim"]["warmup_steps"] = max(0, min(base["optim"].get("warmup_steps", 50), steps // 10))
    return base


def config_from_yaml(text: str) -> RunConfig:
    """Read a YAML experiment file (see ``examples/``); raises ``ConfigError`` where it is not one."""
    return build_config(plain_from_yaml(text))


class _PlainLoader(yaml.SafeLoader):
    """YAML's plain data, without whole numbers so long that Python refuses to write them in a sentence."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value: int = super().construct_yaml_int(node)
        if abs(value) >= 2**63:
            raise ValueError(_("a whole number must fit into 64 bits"))
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


def plain_from_yaml(text: str) -> dict[str, Any]:
    """The fields of a YAML file as plain data; raises ``ConfigError`` where it holds anything else."""
    if len(text) > MAX_YAML_BYTES:
        raise ConfigError(
            _("a config file must be at most {limit} bytes. Got {got}.", limit=MAX_YAML_BYTES, got=len(text))
        )
    try:
        data = yaml.load(text, _PlainLoader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # ValueError: dates and numbers that YAML's types cannot hold, such as 2024-99-99.
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(_("the config file must be YAML. Got: {problem}.", problem=first_line)) from None
    if not isinstance(data, dict):
        raise ConfigError(
            _(
                "a config file must hold 'name: value' lines such as 'seed: 0'. Got {got}.",
                got=type(data).__name__,
            )
        )
    return data


def resolve(config: RunConfig) -> RunConfig:
    """The complete config: everything the task decides is filled in and checked.

    Raises ``ConfigError`` where model and task, or map and layers, do not fit.
    """
    task = get_task(config.data.task)
    _check_task(config, task)
    longest = longest_input(config)
    model = config.model.model_copy(
        update={
            "vocab_size": config.model.vocab_size or task.vocab_size,
            "max_positions": config.model.max_positions or longest,
            "num_classes": config.model.num_classes or task.num_classes,
            "patch_dim": config.model.patch_dim or task.patch_dim,
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
                "vocab_size must be at least {task}'s vocabulary ({vocab}). Got {got}. Leave it out.",
                task=task.name,
                vocab=task.vocab_size,
                got=model.vocab_size,
            )
        )
    complete = config.model_copy(update={"model": validated(ModelConfig, model.model_dump())})
    if task.family == "decoder" and complete.data.seq_len is None:
        complete = complete.model_copy(
            update={"data": complete.data.model_copy(update={"seq_len": task.max_source_len})}
        )
    sharing_plan(complete.model, complete.sharing)
    return complete


def longest_input(config: RunConfig) -> int:
    """Positions of the longest input that the task gives the model, a class token included."""
    task = get_task(config.data.task)
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
    if config.data.seq_len is not None and task.family != "decoder":
        raise ConfigError(
            _("seq_len belongs to language models. Got it for task {task}. Leave it out.", task=task.name)
        )
    if config.optim.warmup_steps > config.train.steps:
        raise ConfigError(
            _(
                "warmup_steps must be at most steps ({steps}). Got {warmup}. Lower warmup_steps.",
                steps=config.train.steps,
                warmup=config.optim.warmup_steps,
            )
        )


def sharing_plan(model: ModelConfig, sharing: SharingConfig) -> SharingPlan:
    """What ``sharing`` means at the sizes of ``model``; raises ``ConfigError`` where they do not fit."""
    blocks = {stack: Block(num_layers, block_shapes(model, stack)) for stack, num_layers in stack_layers(model).items()}
    return build_plan(blocks, parse_strategy(sharing.strategy))


def sharing_map(model: ModelConfig, sharing: SharingConfig) -> SharingMap:
    """The map of ``sharing`` at the sizes of ``model``: the plan without what stands beside it."""
    return sharing_plan(model, sharing).map


def _sentence(kind: type[BaseModel], detail: Mapping[str, Any]) -> str:
    """One pydantic error as must / got / fix."""
    where = ".".join(str(part) for part in detail["loc"])[:120]
    got = reprlib.repr(detail.get("input"))[:60]
    context = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(context.get("error", detail["msg"]))
        case "extra_forbidden":
            return _(
                "{where} is not a field. Known here: {known}.",
                where=where,
                known=", ".join(_fields_at(kind, detail["loc"][:-1])),
            )
        case "literal_error":
            return _("{where} must be one of {known}. Got {got}.", where=where, known=context["expected"], got=got)
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" as bound:
            words = {
                "greater_than_equal": _("at least"),
                "greater_than": _("more than"),
                "less_than_equal": _("at most"),
                "less_than": _("less than"),
            }
            limit = next(iter(context.values()))
            return _(
                "{where} must be {bound} {limit}. Got {got}.", where=where, bound=words[bound], limit=limit, got=got
            )
        case "int_type" | "int_parsing" | "int_parsing_size" | "int_from_float":
            return _("{where} must be a whole number. Got {got}.", where=where, got=got)
        case "float_type" | "float_parsing" | "finite_number":
            return _("{where} must be a number. Got {got}.", where=where, got=got)
        case "bool_type" | "bool_parsing":
            return _("{where} must be true or false. Got {got}.", where=where, got=got)
        case "model_type" | "dict_type":
            return _("{where} must be a group of fields. Got {got}.", where=where or _("the config"), got=got)
    return _(
        "{where} is not valid: {problem}. Got {got}.",
        where=where or _("the config"),
        problem=detail["msg"].lower(),
        got=got,
    )


def _fields_at(kind: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    for name in location:
        field = kind.model_fields.get(str(name))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        kind = field.annotation
    return list(kind.model_fields)


def task_names() -> list[str]:
    """Names of all tasks, in the order they are shown."""
    return list(TASKS)
