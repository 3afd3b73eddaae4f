"""``clps count`` and ``clps presets``: what designs cost. Start at designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clps_core.analysis.counts import Counts
from clps_core.analysis.counts import count as count_design
from clps_core.cli.output import amount, print_json, print_lines, print_table, size
from clps_core.config import ModelConfig, SharingConfig, build_config, longest_input, validated
from clps_core.errors import ConfigError
from clps_core.experiment import Experiment, merged, read_experiment, settings_beside, with_changes
from clps_core.presets import PAPERS, PRESETS, Preset, get_preset
from clps_core.tasks import TASKS, get_task
from clps_core.words import _

__all__ = ["Design", "designs", "show", "show_presets"]

SIZE_OPTIONS = {
    "num_layers": "layers",
    "num_decoder_layers": "decoder-layers",
    "num_heads": "heads",
    "num_kv_heads": "kv-heads",
}
"""Options that are not called like their field."""


@dataclass(frozen=True)
class Design:
    """A model with one way of sharing, and the preset it came from, if any."""

    model: ModelConfig
    sharing: SharingConfig
    preset: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data: sizes, strategy and all counts."""
        counted = count_design(self.model, self.sharing).as_dict()
        head = {"preset": self.preset, "strategy": self.sharing.strategy}
        return {**head, **counted, "model": self.model.model_dump(mode="json")}


def designs(
    preset: str | None,
    config: Path | None,
    task: str | None,
    sizes: Mapping[str, Any],
    settings: Sequence[str] | None,
    strategies: Sequence[str] | None,
) -> list[Design]:
    """The designs that the options of ``clps count`` describe, one per strategy.

    Sizes that are not given come from the preset, the file, or the task of the family.
    """
    options = {f"model.{name}": f"--{SIZE_OPTIONS.get(name, name.replace('_', '-'))}" for name in sizes}
    options |= {"data.task": "--task"} if task is not None else {}
    options |= {"sharing.strategy": "--strategy"} if strategies else {}
    changes = merged(settings_beside(settings or [], options), {"model": dict(sizes)})
    if preset is not None and (config is not None or task is not None):
        raise ConfigError(
            _("--preset comes alone or with sizes to change. Got --config or --task too. Drop one of them.")
        )
    if preset is not None:
        found = get_preset(preset)
        model = validated(ModelConfig, {**found.model.model_dump(), **changes.pop("model", {})})
        wanted: Sequence[str] = [str(changes.pop("sharing", {}).get("strategy", found.sharing.strategy))]
        if changes:
            raise ConfigError(
                _("with --preset, --set takes model.* and sharing.strategy. Got {got}.", got=", ".join(changes))
            )
    else:
        base, wanted = _base(config, task, changes)
        model = _with_facts(base)
    return [Design(model, validated(SharingConfig, {"strategy": one}), preset) for one in strategies or wanted]


def _base(config: Path | None, task: str | None, changes: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    from clps_core.cli.train import read_text

    experiment = with_changes(read_experiment(read_text(config)) if config is not None else Experiment(), changes)
    base = experiment.base
    if task is not None:
        base = merged(base, {"data": {"task": task}})
    elif config is None and "task" not in base.get("data", {}):
        base = merged(base, {"data": {"task": _task_of(base["model"].get("family", "decoder"))}})
    run = build_config(base)
    return base, list(experiment.strategies or [run.sharing.strategy])


def _task_of(family: object) -> str:
    """The task whose model a bare ``--family`` means, so that sizes not given are those ``clps train`` takes."""
    return next((task.name for task in TASKS.values() if task.family == family), "dates")


def _with_facts(base: dict[str, Any]) -> ModelConfig:
    """The model of a config, with vocabulary and lengths of its task where it does not say."""
    run = build_config(base)
    facts = get_task(run.data.task)
    filled = {
        "vocab_size": facts.vocab_size,
        "max_positions": longest_input(run),
        "num_classes": facts.num_classes,
        "patch_dim": facts.patch_dim if run.model.vocab_size is None else None,
    }
    missing = {name: value for name, value in filled.items() if getattr(run.model, name) is None}
    if run.model.family != facts.family:
        missing = {"vocab_size": missing.get("vocab_size"), "max_positions": missing.get("max_positions")}
    return validated(ModelConfig, {**run.model.model_dump(), **missing})


def show(found: Sequence[Design], *, as_json: bool) -> None:
    """One design as a list of figures, several as a table."""
    if as_json:
        plain = [design.as_dict() for design in found]
        print_json(plain[0] if len(plain) == 1 else plain)
        return
    counted = [count_design(design.model, design.sharing) for design in found]
    print_lines(_sizes(found[0].model))
    if len(found) == 1:
        _show_one(found[0], counted[0])
        return
    columns = [
        _("strategy"),
        _("unique"),
        _("executed"),
        _("non-embedding"),
        _("weights"),
        _("training state"),
        _("FLOPs/token"),
        _("KV/token"),
    ]
    print_table(columns, [_row(design.sharing.strategy, counts) for design, counts in zip(found, counted, strict=True)])


def _row(name: str, counts: Counts) -> list[str]:
    return [
        name,
        f"{counts.unique_parameters:,}",
        f"{counts.executed_parameters:,}",
        f"{counts.non_embedding_parameters:,}",
        size(counts.weight_bytes),
        size(counts.training_bytes),
        amount(counts.train_flops_per_token),
        size(counts.kv_cache_bytes_per_token),
    ]


def _sizes(model: ModelConfig) -> str:
    layers = (
        str(model.num_layers) if model.family != "encoder_decoder" else f"{model.num_layers} + {model.decoder_layers}"
    )
    return _(
        "{family}, {layers} layers, d_model {d_model}, d_ff {d_ff}, {heads} heads, vocabulary {vocab}",
        family=model.family,
        layers=layers,
        d_model=model.d_model,
        d_ff=model.d_ff,
        heads=model.num_heads,
        vocab=model.vocab_size or "-",
    )


def _show_one(design: Design, counts: Counts) -> None:
    print_lines(_("strategy {strategy}", strategy=design.sharing.strategy), "")
    rows = [
        (_("unique parameters (stored)"), f"{counts.unique_parameters:,}"),
        (_("executed parameters (used)"), f"{counts.executed_parameters:,}"),
        (_("non-embedding parameters"), f"{counts.non_embedding_parameters:,}"),
        (_("weights, fp32"), size(counts.weight_bytes)),
        (_("gradients, fp32"), size(counts.gradient_bytes)),
        (_("optimiser, AdamW's two moments"), size(counts.optimizer_bytes)),
        (_("training FLOPs per token at {n} tokens", n=counts.context_length), amount(counts.train_flops_per_token)),
        (_("KV cache per token, 16 bit"), size(counts.kv_cache_bytes_per_token)),
    ]
    print_table([_("figure"), _("value")], rows)
    families = [(name, f"{tally.unique:,}", f"{tally.executed:,}") for name, tally in counts.by_family.items()]
    print_table([_("part"), _("unique"), _("executed")], families)


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
