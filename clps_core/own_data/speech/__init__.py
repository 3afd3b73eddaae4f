"""People's own sounds with transcripts: kind ``speech`` of data sets. What ``media.Medium`` lists is offered here.

``decoding`` reads one sound; ``transcripts`` finds the text of each in a folder or ZIP, and ``sources`` makes one list
of any source; ``keeping`` writes the copy; ``spelling`` turns transcripts into labels. ``facts``, ``batches``, ``work``
and ``dictation`` are the tasks.
"""

from clps_core.own_data.speech.batches import load
from clps_core.own_data.speech.facts import facts
from clps_core.own_data.speech.keeping import keep
from clps_core.own_data.speech.told import about, preview, samples, warnings

__all__ = ["about", "facts", "keep", "load", "preview", "samples", "warnings"]
