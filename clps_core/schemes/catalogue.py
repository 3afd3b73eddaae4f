"""All schemes in the order in which they are shown. Start at SCHEMES."""

from __future__ import annotations

from clps_core.errors import ConfigError
from clps_core.schemes.activations import ACTIVATIONS
from clps_core.schemes.depth import DEPTH
from clps_core.schemes.loosened import LOOSENED
from clps_core.schemes.parts import PARTS
from clps_core.schemes.scheme import Kind, Scheme
from clps_core.schemes.whole_layers import WHOLE_LAYERS
from clps_core.words import _

__all__ = ["KINDS", "SCHEMES", "get_scheme"]

KINDS: dict[Kind, str] = {
    "weights": _("Sharing weights"),
    "activations": _("Sharing activations"),
    "loosened": _("Loosening a tie"),
    "depth": _("Depth as a dial"),
    "outside": _("Outside the layers"),
}

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme for scheme in (*WHOLE_LAYERS, *PARTS, *ACTIVATIONS, *LOOSENED, *DEPTH)
}


def get_scheme(name: str) -> Scheme:
    """The scheme ``name``; raises ``ConfigError`` that lists the schemes there are."""
    scheme = SCHEMES.get(name)
    if scheme is None:
        raise ConfigError(
            _("scheme must be one of {known}. Got {name!r}.", known=", ".join(SCHEMES), name=str(name)[:60])
        )
    return scheme
