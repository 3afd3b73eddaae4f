"""What runs of ``sentences`` do: they translate, and are scored by BLEU and chrF as well."""

from clps_core.data.bleu import written_scores, written_signatures
from clps_core.work.translation import answer, loss, scores

__all__ = ["answer", "loss", "scores", "written_scores", "written_signatures"]
