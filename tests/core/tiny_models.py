"""Models small enough for a test, and configs for hypothesis. Start at tiny."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from clps_core.config import ModelConfig, SharingConfig, sharing_plan
from clps_core.model.transformer import Transformer
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import Block, SharingMap, build_map, parse_strategy

# Tensors this small gain nothing from threads, and tests may run side by side.
torch.set_num_threads(1)

SIZES: dict[str, Any] = {
    "num_layers": 2,
    "d_model": 16,
    "d_ff": 24,
    "num_heads": 2,
    "vocab_size": 11,
    "max_positions": 12,
}


def map_of(config: ModelConfig, strategy: str) -> SharingMap:
    blocks = {stack: Block(layers, block_shapes(config, stack)) for stack, layers in stack_layers(config).items()}
    stacks = {stack: (block.num_layers, tuple(block.shapes)) for stack, block in blocks.items()}
    return build_map(blocks, parse_strategy(strategy).layer_slots(stacks))


def tiny(strategy: str = "none", seed: int = 0, **sizes: Any) -> Transformer:
    config = ModelConfig(**{**SIZES, **sizes})
    return Transformer(config, sharing_plan(config, SharingConfig(strategy=strategy)), seed)


def shaken(model: Transformer, seed: int = 0) -> Transformer:
    """With every weight moved a little, so that what starts as nothing takes part."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)
    return model


def batch_for(model: Transformer, examples: int = 3, source: int = 7, target: int = 5, seed: int = 1) -> dict[str, Any]:
    """Arguments of ``forward``: the last example is padded on the right."""
    draw = torch.Generator().manual_seed(seed)
    config = model.config
    mask = torch.ones(examples, source, dtype=torch.bool)
    mask[-1, source - 2 :] = False
    batch: dict[str, Any] = {"input_mask": mask}
    if config.patch_dim is None:
        batch["inputs"] = torch.randint(0, config.vocab_size or 0, (examples, source), generator=draw)
    else:
        batch["inputs"] = torch.randn(examples, source, config.patch_dim, generator=draw)
    if config.family == "encoder_decoder":
        batch["decoder_inputs"] = torch.randint(0, config.vocab_size or 0, (examples, target), generator=draw)
    return batch


def loss_of(model: Transformer, batch: dict[str, Any]) -> Tensor:
    """A scalar that depends on every output, differently."""
    output = model(**batch)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    return (output * weights).mean() + output.square().mean()


@st.composite
def model_configs(draw: st.DrawFn) -> ModelConfig:
    family = draw(st.sampled_from(["decoder", "encoder_decoder", "encoder"]))
    kv_heads = draw(st.sampled_from([1, 2]))
    patches = family == "encoder" and draw(st.booleans())
    frames = family == "encoder_decoder" and draw(st.booleans())
    classes = family == "encoder" and draw(st.booleans())
    fills = family == "encoder" and not (patches or classes) and draw(st.booleans())
    return ModelConfig(
        family=family,
        num_layers=draw(st.integers(1, 4)),
        num_decoder_layers=draw(st.integers(1, 4)) if family == "encoder_decoder" else None,
        d_model=draw(st.sampled_from([8, 12])),
        d_ff=draw(st.sampled_from([6, 10])),
        num_heads=kv_heads * draw(st.sampled_from([1, 2])),
        num_kv_heads=kv_heads,
        head_dim=draw(st.sampled_from([2, 4])),
        vocab_size=None if patches else draw(st.integers(5, 9)),
        embedding_size=draw(st.sampled_from([None, 4])),
        max_positions=draw(st.integers(8, 10)),
        token_types=draw(st.sampled_from([0, 2])),
        patch_dim=3 if patches or frames else None,
        max_target_positions=draw(st.sampled_from([None, 5, 12])) if frames else None,
        num_classes=4 if classes else None,
        head="lm" if fills else None,
        positions=draw(st.sampled_from(["sinusoidal", "learned", "rotary", "none"])),
        activation=draw(st.sampled_from(["relu", "gelu", "swiglu"])),
        norm=draw(st.sampled_from(["layernorm", "rmsnorm"])),
        norm_position=draw(st.sampled_from(["pre", "post"])),
        final_norm=draw(st.sampled_from([None, True, False])),
        embedding_norm=draw(st.booleans()),
        bias=draw(st.booleans()),
        pooler=classes and draw(st.booleans()),
        tie_embeddings=draw(st.sampled_from(["none", "output", "all"])),
    )


@st.composite
def maps_for(draw: st.DrawFn, config: ModelConfig) -> SharingMap:
    """Any partition per component; some decoder pools tied to the encoder's."""
    blocks = {stack: Block(layers, block_shapes(config, stack)) for stack, layers in stack_layers(config).items()}
    slots = {
        (stack, component): draw(st.lists(st.integers(0, 2), min_size=block.num_layers, max_size=block.num_layers))
        for stack, block in blocks.items()
        for component in block.shapes
    }
    both = [
        name
        for name in blocks.get("encoder", Block(0, {})).shapes
        if name in blocks.get("decoder", Block(0, {})).shapes
    ]
    ties = {f"decoder.{name}": f"encoder.{name}" for name in both if draw(st.booleans())}
    return build_map(blocks, slots, ties=ties)
