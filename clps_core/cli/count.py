"""``clps count`` and ``clps presets``: what designs cost. Start at designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clps_core.analysis.counts import Counts, of_unshared, share_of_unshared
from clps_core.analysis.counts import count as count_design
from clps_core.analysis.flops import FLOP_CAUSES, context_length, flop_differences
from clps_core.cli.output import amount, print_json, print_lines, print_table, size
from clps_core.config import (
    ModelConfig,
    RunConfig,
    SharingConfig,
    build_config,
    longest_answer,
    longest_input,
    sharing_plan,
    usual_sizes,
    validated,
)
from clps_core.errors import ConfigError
from clps_core.experiment import Experiment, merged, read_experiment, settings_beside, with_changes
from clps_core.presets import PAPERS, PRESETS, Preset, get_preset
from clps_core.schemes import standard_model
from clps_core.tasks import TASKS
from clps_core.words import _, listed, ngettext

__all__ = ["Design", "designs", "show", "show_presets"]

SIZES = (
    "num_layers",
    "d_model",
    "d_ff",
    "num_heads",
    "vocab_size",
    "max_positions",
    "patch_dim",
    "num_classes",
    "num_queries",
    "max_target_positions",
)
"""What a count depends on and a task or the usual rule may have given."""
SIZE_OPTIONS = {
    "num_layers": "layers",
    "num_decoder_layers": "decoder-layers",
    "num_heads": "heads",
    "num_kv_heads": "kv-heads",
}
"""Options that are not called like their field."""


@dataclass(frozen=True)
class Design:
    """A model with one way of sharing, and the preset it came from, if any.

    ``assumed``: the sizes that nobody gave, each with the rule or the task that it comes from.
    """

    model: ModelConfig
    sharing: SharingConfig
    preset: str | None = None
    assumed: Mapping[str, str] = field(default_factory=dict)

    @property
    def flop_differences(self) -> dict[str, float]:
        """Training operations per token more or fewer than without sharing, by cause."""
        return flop_differences(self.model, sharing_plan(self.model, self.sharing), context_length(self.model))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data: sizes, strategy and all counts."""
        counted = count_design(self.model, self.sharing).as_dict()
        head = {"preset": self.preset, "strategy": self.sharing.strategy}
        plain = {
            "share_of_unshared": round(share_of_unshared(counted["unique_parameters"], self.model), 6),
            "train_flops_differences": {cause: round(amount) for cause, amount in self.flop_differences.items()},
        }
        return {**head, **counted, **plain, "assumed": dict(self.assumed), "model": self.model.model_dump(mode="json")}


def designs(
    preset: str | None,
    config: Path | None,
    task: str | None,
    sizes: Mapping[str, Any],
    settings: Sequence[str] | None,
    strategies: Sequence[str] | None,
) -> list[Design]:
    """The designs that the options of ``clps count`` describe, one per strategy.

    Sizes that are not given come from the preset or the task (``--task``, or that of the file), where one is
    named; else from the usual rule. ``Design.assumed`` says which these are.
    """
    assumed: dict[str, str] = {}
    options = {f"model.{name}": f"--{SIZE_OPTIONS.get(name, name.replace('_', '-'))}" for name in sizes}
    options |= {"data.task": "--task"} if task is not None else {}
    options |= {"sharing.strategy": "--strategy"} if strategies else {}
    changes = merged(settings_beside(settings or [], options), {"model": dict(sizes)})
    if preset is not None and (config is not None or task is not None):
        raise ConfigError(_("--preset must not be combined with --config or --task. Got both. Remove one of them."))
    if preset is not None:
        found = get_preset(preset)
        model = validated(ModelConfig, {**found.model.model_dump(), **changes.pop("model", {})})
        wanted: Sequence[str] = [str(changes.pop("sharing", {}).get("strategy", found.sharing.strategy))]
        if changes:
            raise ConfigError(
                _(
                    "with --preset, --set must name fields of model, or sharing.strategy. Got {got}.",
                    got=", ".join(changes),
                )
            )
    elif config is None and task is None and "task" not in changes.get("data", {}):
        model, assumed, wanted = _by_rule(changes)
    else:
        base, wanted = _base(config, task, changes)
        model, assumed = _with_facts(base)
    return [Design(model, validated(SharingConfig, {"strategy": one}), preset, assumed) for one in strategies or wanted]


def _base(config: Path | None, task: str | None, changes: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    from clps_core.cli.train import read_text

    experiment = with_changes(read_experiment(read_text(config)) if config is not None else Experiment(), changes)
    base = experiment.base
    if task is not None:
        base = merged(base, {"data": {"task": task}})
    run = build_config(base)
    return base, list(experiment.strategies or [run.sharing.strategy])


def _by_rule(changes: dict[str, Any]) -> tuple[ModelConfig, dict[str, str], list[str]]:
    """The model of sizes alone; what nobody gave is what models of this width usually have."""
    given = dict(changes.get("model", {}))
    width = given.get("d_model", standard_sizes()["d_model"])
    usual = usual_sizes(width, str(given.get("activation", ""))) if isinstance(width, int) else {}
    sizes = {**standard_sizes(), **usual, **given}
    # Read whole, so that a mistake gets the same sentence as everywhere.
    run = validated(RunConfig, {**changes, "model": sizes})
    if given.get("patch_dim") and "vocab_size" not in given:
        del sizes["vocab_size"]
    model = validated(ModelConfig, sizes)
    reasons = {
        "num_layers": _("as in the base Transformer (arXiv 1706.03762)"),
        "d_model": _("as in the base Transformer (arXiv 1706.03762)"),
        "d_ff": _("4 d_model") if model.activation != "swiglu" else _("8/3 d_model, rounded up"),
        "num_heads": _("heads of width {width}", width=model.head_size),
        "vocab_size": _("a common size"),
        "max_positions": _("length at which attention is counted"),
    }
    assumed = {name: why for name, why in reasons.items() if name not in given and name in model.model_fields_set}
    return model, assumed, [run.sharing.strategy]


def standard_sizes() -> dict[str, int]:
    """Layers, width, vocabulary and length where nobody gives any: those that the cards are counted on."""
    model = standard_model("decoder")
    names = ("num_layers", "d_model", "vocab_size", "max_positions")
    return {name: getattr(model, name) for name in names}


def _with_facts(base: dict[str, Any]) -> tuple[ModelConfig, dict[str, str]]:
    """The model of a config, with vocabulary and lengths of its task where it does not say, and what the task gave."""
    run = build_config(base)
    facts = TASKS.facts(run.data)
    filled = {
        "vocab_size": facts.vocab_size,
        "max_positions": longest_input(run, facts),
        "num_classes": facts.num_classes,
        "patch_dim": facts.patch_dim if run.model.vocab_size is None else None,
        "num_queries": facts.num_queries,
        "max_target_positions": longest_answer(run.model, facts),
    }
    missing = {name: value for name, value in filled.items() if getattr(run.model, name) is None}
    if run.model.family != facts.family:
        missing = {"vocab_size": missing.get("vocab_size"), "max_positions": missing.get("max_positions")}
    model = validated(ModelConfig, {**run.model.model_dump(), **missing})
    given = base.get("model") or {}
    from_task = [name for name in SIZES if name not in given and getattr(model, name) is not None]
    return model, dict.fromkeys(from_task, _("the task {task}", task=run.data.task))


def show(found: Sequence[Design], *, as_json: bool) -> None:
    """One design as a list of figures, several as a table."""
    if as_json:
        plain = [design.as_dict() for design in found]
        print_json(plain[0] if len(plain) == 1 else plain)
        return
    counted = [count_design(design.model, design.sharing) for design in found]
    print_lines(_sizes(found[0].model), *_assumptions(found[0]))
    if len(found) == 1:
        _show_one(found[0], counted[0])
        return
    columns = [
        _("strategy"),
        _("stored"),
        _("relative size"),
        _("executed"),
        _("non-embedding"),
        _("weights"),
        _("training state"),
        _("FLOPs/token"),
        _("KV/token"),
    ]
    print_table(columns, [_row(design, counts) for design, counts in zip(found, counted, strict=True)])
    print_lines(*_notes(found))


def _notes(found: Sequence[Design]) -> list[str]:
    """What *relative size* means, and why operations differ where they do."""
    lines = [_("{title}: {note}", title=_("relative size"), note=of_unshared()[1])]
    for cause, why in FLOP_CAUSES.items():
        differences = {design.sharing.strategy: round(design.flop_differences.get(cause, 0)) for design in found}
        shown = [f"{name} {'-' if more < 0 else '+'}{amount(abs(more))}" for name, more in differences.items() if more]
        if shown:
            text = _("FLOPs/token, compared with no sharing: {designs}. {why}", designs=", ".join(shown), why=why)
            lines.append(text)
    return lines


def _row(design: Design, counts: Counts) -> list[str]:
    return [
        design.sharing.strategy,
        f"{counts.unique_parameters:,}",
        f"{share_of_unshared(counts.unique_parameters, design.model):.0%}",
        f"{counts.executed_parameters:,}",
        f"{counts.non_embedding_parameters:,}",
        size(counts.weight_bytes),
        size(counts.training_bytes),
        amount(counts.train_flops_per_token),
        size(counts.kv_cache_bytes_per_token),
    ]


def _sizes(model: ModelConfig) -> str:
    """All sizes that the count depends on, in one line."""
    layers = ngettext("{n} layer", "{n} layers", model.num_layers)
    if model.family == "encoder_decoder":
        layers = _("{layers} layers", layers=f"{model.num_layers} + {model.decoder_layers}")
    parts = [
        model.family,
        layers,
        _("d_model {width}", width=model.d_model),
        _("d_ff {width} ({activation})", width=model.d_ff, activation=model.activation),
        ngettext("{n} head", "{n} heads", model.num_heads),
    ]
    if model.kv_heads != model.num_heads:
        parts.append(ngettext("{n} head for keys and values", "{n} heads for keys and values", model.kv_heads))
    parts.append(_("vocabulary {size}", size=model.vocab_size or "-"))
    if model.embedding_width != model.d_model:
        parts.append(_("embedding {width}", width=model.embedding_width))
    if model.max_positions is not None:
        parts.append(_("{n} positions", n=model.max_positions))
    return listed(parts)


def _assumptions(design: Design) -> list[str]:
    """One line that names the sizes nobody gave, where there are some."""
    by_source: dict[str, list[str]] = {}
    for name, why in design.assumed.items():
        by_source.setdefault(why, []).append(f"{name} {getattr(design.model, name)}")
    if not by_source:
        return []
    parts = [_("{sizes} ({why})", sizes=", ".join(sizes), why=why) for why, sizes in by_source.items()]
    return [_("Not given: {parts}.", parts="; ".join(parts))]


def _show_one(design: Design, counts: Counts) -> None:
    print_lines(_("strategy {strategy}", strategy=design.sharing.strategy), "")
    rows = [
        (_("stored parameters"), f"{counts.unique_parameters:,}"),
        (_("relative size"), f"{share_of_unshared(counts.unique_parameters, design.model):.0%}"),
        (_("executed parameters (used)"), f"{counts.executed_parameters:,}"),
        (_("non-embedding parameters"), f"{counts.non_embedding_parameters:,}"),
        (_("weights, fp32"), size(counts.weight_bytes)),
        (_("gradients, fp32"), size(counts.gradient_bytes)),
        (_("optimiser, AdamW's two moments"), size(counts.optimizer_bytes)),
        (_("training FLOPs per token at {n} tokens", n=counts.context_length), amount(counts.train_flops_per_token)),
        (_("KV cache per token, 16 bit"), size(counts.kv_cache_bytes_per_token)),
    ]
    print_table([_("figure"), _("value")], rows)
    parts = [(name, f"{tally.unique:,}", f"{tally.executed:,}") for name, tally in counts.by_part.items()]
    print_table([_("part"), _("stored"), _("executed")], parts)
    print_lines(*_notes([design]))


def show_presets(*, as_json: bool) -> None:
    """All presets under their papers: what is stored and used, and the figure printed beside ours."""
    counted = {name: count_design(preset.model, preset.sharing) for name, preset in PRESETS.items()}
    if as_json:
        print_json([_preset_data(preset, counted[preset.name]) for preset in PRESETS.values()])
        return
    columns = [_("preset"), _("strategy"), _("stored"), _("executed"), _("counted"), _("ours"), _("published")]
    for paper, heading in PAPERS.items():
        rows = [
            (
                preset.name,
                preset.sharing.strategy,
                f"{counted[preset.name].unique_parameters:,}",
                f"{counted[preset.name].executed_parameters:,}",
                _counted_words()[preset.counted],
                f"{preset.exact:,}",
                preset.published or "",
            )
            for preset in PRESETS.values()
            if preset.paper == paper
        ]
        print_table(columns, rows, title=heading, left=2)


def _preset_data(preset: Preset, counts: Counts) -> dict[str, Any]:
    return {
        "name": preset.name,
        "title": preset.title,
        "paper": preset.paper,
        "source": preset.source,
        "published": preset.published,
        "counted": preset.counted,
        "exact": preset.exact,
        "note": preset.note,
        "strategy": preset.sharing.strategy,
        "unique_parameters": counts.unique_parameters,
        "executed_parameters": counts.executed_parameters,
        "non_embedding_parameters": counts.non_embedding_parameters,
        "kv_cache_bytes_per_token": counts.kv_cache_bytes_per_token,
        "model": preset.model.model_dump(mode="json"),
        "small": preset.small,
    }


def _counted_words() -> dict[str, str]:
    """What a paper's figure counts, in words."""
    return {
        "all": _("parameters"),
        "non_embedding": _("non-embedding"),
        "kv_cache_bytes_per_token": _("KV bytes/token"),
    }
