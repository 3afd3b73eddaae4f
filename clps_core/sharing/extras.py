"""What loosens a tie: small things of each executed layer beside the weights it shares. Start at Extras.

All of them start as nothing (LoRA at zero, learned depth at zero, scale at one), so that a loosened
model begins equal to the tied one. They are keyed by executed layer, so a model that has them cannot
change its number of loops; a sinusoidal depth signal and the re-injected input have no such key.
"""

from __future__ import annotations

from dataclasses import dataclass

from clps_core.sharing.map import Site

__all__ = ["DEPTH_EMBEDDINGS", "INJECTIONS", "MAX_LOOPS", "Extras"]

DEPTH_EMBEDDINGS = ("none", "sinusoidal", "learned")
INJECTIONS = ("none", "add", "concat")
MAX_LOOPS = 256


@dataclass(frozen=True)
class Extras:
    """The extras of a strategy; each is nothing by default.

    ``lora``: (target, rank) pairs, the target as in the notation, ``""`` for every linear component
    (Hu et al. 2021, arXiv 2106.09685; per executed layer: Bae et al. 2024, arXiv 2410.20672).
    ``depth_embedding``: added to the input of every executed layer (Dehghani et al. 2018, arXiv 1807.03819;
    there the positions are added again at every step too, here at the first alone). ``layer_scale``: a
    vector on the end of every residual branch (Touvron et al. 2021, arXiv 2103.17239). ``inject``: a looped
    core gets the prelude's output again at every loop (Geiping et al. 2025, arXiv 2502.05171).
    ``train_loops``: fewest and most loops of a training step.
    """

    lora: tuple[tuple[str, int], ...] = ()
    depth_embedding: str = "none"
    layer_scale: bool = False
    inject: str = "none"
    train_loops: tuple[int, int] | None = None

    @property
    def parts(self) -> list[str]:
        """The parts of a strategy's text that parse back to this."""
        found = [f"lora.{target}={rank}" if target else f"lora={rank}" for target, rank in self.lora]
        if self.depth_embedding != "none":
            found.append(f"depth_embedding={self.depth_embedding}")
        if self.layer_scale:
            found.append("layer_scale=own")
        if self.inject != "none":
            found.append(f"inject={self.inject}")
        if self.train_loops is not None:
            found.append(f"train_loops={self.train_loops[0]}-{self.train_loops[1]}")
        return found

    def __bool__(self) -> bool:
        return self != Extras()

    def keyed_by_layer(self, lora_sites: tuple[tuple[Site, int], ...]) -> str | None:
        """The extra that exists once per executed layer, so that their number is fixed; ``None`` without one."""
        if lora_sites:
            return "lora"
        if self.depth_embedding == "learned":
            return "depth_embedding=learned"
        return "layer_scale" if self.layer_scale else None
