"""CLPS Lab's engine: design, count, train and look inside Transformers that share weights across layers."""

__version__ = "0.1.0"
