"""The Attention page: maps of one input, of layers with the same weights, and over training."""
