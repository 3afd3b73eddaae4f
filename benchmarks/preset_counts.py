"""Every design of the papers: what it stores, what the paper prints, and how long it takes to count and to draw.

Time is that of resolving the strategy, counting, and making what the browser draws, in one process
without torch. The peers build a model of the same sizes on torch's meta device (no memory, no
numbers) and add up its parameters, which is the usual way to count without a formula.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from app.design.designs import Costed, component_sizes
from app.design.sharing_map import map_payload
from clps_core.analysis.counts import count
from clps_core.config import sharing_plan
from clps_core.presets import PRESETS, Preset
from report import write_table

ROUNDS = 7


def measured(preset: Preset) -> tuple[float, int]:
    """Milliseconds to resolve, count and draw one design (median), and the parameters it stores."""
    taken = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        plan = sharing_plan(preset.model, preset.sharing)
        counts = count(preset.model, plan)
        design = Costed(0, preset.sharing.strategy, plan, counts, counts.unique_parameters)
        map_payload([design], 0, component_sizes(preset.model))
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken), counts.unique_parameters


def figure(preset: Preset) -> int:
    """What the paper's figure counts, by our counter."""
    counts = count(preset.model, preset.sharing)
    return {
        "all": counts.unique_parameters,
        "non_embedding": counts.non_embedding_parameters,
        "kv_cache_bytes_per_token": counts.kv_cache_bytes_per_token,
    }[preset.counted]


def peers() -> dict[str, Callable[[], int]]:
    """Models of Hugging Face transformers on the meta device, by the preset they equal."""
    import torch
    from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

    def built(make: Callable[[], torch.nn.Module]) -> int:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in make().parameters())

    albert = AlbertConfig(
        hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12, embedding_size=128
    )
    llama = LlamaConfig(
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        vocab_size=32_000,
        tie_word_embeddings=True,
    )
    return {
        "albert-base": lambda: built(lambda: AlbertModel(albert)),
        "bert-base": lambda: built(lambda: BertModel(BertConfig())),
        "mobilellm-125m": lambda: built(lambda: LlamaForCausalLM(llama)),
    }


def main() -> None:
    found = {name: measured(preset) for name, preset in PRESETS.items()}
    assert "torch" not in sys.modules
    rows = [
        [
            preset.title,
            f"`{preset.sharing.strategy}`",
            f"{found[name][1]:,}",
            f"{figure(preset):,} ({preset.counted.replace('_', ' ')})",
            preset.published or "-",
            f"{found[name][0]:.1f} ms",
        ]
        for name, preset in PRESETS.items()
    ]
    said = []
    for name, build in peers().items():
        build()
        began = time.perf_counter()
        parameters = build()
        ratio = 1000 * (time.perf_counter() - began) / found[name][0]
        said.append(f"{name} {ratio:.0f} times ({parameters:,} parameters there, {found[name][1]:,} here)")
    slowest = max(found, key=lambda name: found[name][0])
    write_table(
        "preset_counts",
        "Designs of the papers: counts, and the time to count and draw them",
        ["design", "strategy", "stored", "the paper's figure, counted here", "printed", "resolve, count and draw"],
        rows,
        f"Median of {ROUNDS}; the slowest is {slowest} with {found[slowest][0]:.1f} ms. Building the model of Hugging "
        f"Face transformers on the meta device and adding up its parameters takes, in the same run: {', '.join(said)}.",
    )


if __name__ == "__main__":
    main()
