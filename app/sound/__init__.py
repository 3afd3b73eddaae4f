"""Sounds on pages: bringing one, playing it, and its spectrogram with what a model wrote where."""
