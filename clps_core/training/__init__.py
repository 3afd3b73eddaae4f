"""Training: start at ``loop.train``; ``sink.Sink`` is all it knows of the world.

A step is a function of (config, step) alone, a checkpoint is one file, and a killed run that goes on
equals its undisturbed twin (on the CPU bit for bit). ``loading.load_model`` gives a trained model back.
"""
