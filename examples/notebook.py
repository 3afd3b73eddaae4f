# %% [markdown]
# # Sharing, from a script
#
# Train designs, compare them, and take the results along. Editors that know cells (`# %%`) open this file as a
# notebook; `python examples/notebook.py` runs it from beginning to end, in less than half a minute on two cores.

# %%
from clps_core import api

# %% [markdown]
# ## Train
# Two designs of a small model on two-hop lookup. `submit` returns at once: background processes train the runs, and
# the dashboard shows them. `wait` returns when all have ended. 40 steps teach them little; take 500 to see that one
# stored layer that runs three times learns what three stored layers learn.

# %%
settings = {"train.steps": 40, "model.num_layers": 3}
trained = api.wait(api.submit(api.configs(["none", "all"], task="hops", settings=settings), name="From a script"))
print([(run.name, run.status, run.unique_parameters) for run in trained])

# %% [markdown]
# ## Compare
# A ready comparison ships with the project: three designs that learn pairs by heart, three seeds each. `compare` has a
# row for each design, `runs` for each run, `curves` for each point of every curve; all are data frames of pandas.

# %%
runs = api.ready("pairs")
print(api.compare(runs)[["design", "runs", "best", "best_deviation", "unique_parameters"]])

curves = api.curves(runs)
losses = curves[(curves["split"] == "validation") & (curves["metric"] == "loss")]
print(losses.pivot_table(index="step", columns="name", values="value").tail(3))

# %% [markdown]
# ## Which one is better?
# Over pairs of runs with the same seed, with its 95 % interval; or why that cannot be said.

# %%
for sentence in api.verdict(runs).sentences:
    print(sentence)

# %% [markdown]
# ## Match a budget
# How wide must one shared layer be to store as much as four layers?

# %%
four_layers = next(run for run in runs if run.strategy == "none")
found = api.match(four_layers, "all", "parameters")
print(found.config.model.d_model, found.config.model.d_ff)

# %% [markdown]
# ## Ask a trained run, and take results along

# %%
for one in api.predict(four_layers, ["12 40"]):
    print(one.answer)
print(api.export([run.id for run in runs], "designs", "latex").decode())
