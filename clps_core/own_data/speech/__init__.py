"""People's own sounds with transcripts: kind ``speech`` of data sets.

``decoding`` reads one sound, ``transcripts`` and ``sources`` find which text belongs to which, ``keeping`` writes the
copy, ``record``-level facts are in ``facts``, batches in ``batches``, and what people read in ``told``.
"""
