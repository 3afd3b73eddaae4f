"""The Transformer, built from a sharing map. Start at transformer.py.

``bank.py`` stores one module per slot; ``initial.py`` says how they start; ``layer.py`` is the one
block of every family, ``attention.py`` its attention; ``embedding.py`` is what comes before the
layers, ``extras.py`` what loosens ties; ``generate.py`` decodes token by token; ``weights.py`` loads saved
weights.
"""
