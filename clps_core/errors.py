"""Every error the engine raises on purpose.

::

    ClpsError                   anything a person can be told in one sentence
    ├── ConfigError             bad input: a name, a size, a file, a URL          exit code 2
    ├── DataError               a data set is missing, damaged or does not fit    exit code 2
    ├── StoreError              the store cannot be opened, read or written       exit code 2
    │   └── NotFoundError       no such run, comparison or artefact               exit code 2
    ├── NotAllowedError         the policy of a shared server says no             exit code 2
    ├── CheckpointError         a checkpoint is missing, damaged or of another shape      exit code 2
    ├── TrainingError           training cannot go on: no finite numbers, no memory   exit code 1
    └── JobError                a job cannot be started, stopped or continued     exit code 2
        └── RunFailed           a run ended with a failure                        exit code 1

1 says that a run failed; whatever was refused, so that nothing was done, is 2.

Messages about input say what must be, what was given and how to correct it; others say what happened:
``num_groups must be between 1 and num_layers (6). Got 9. Lower num_groups or add layers.``
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "ClpsError",
    "ConfigError",
    "DataError",
    "JobError",
    "NotAllowedError",
    "NotFoundError",
    "RunFailed",
    "StoreError",
    "TrainingError",
]


class ClpsError(Exception):
    """Base of all errors that carry a sentence for a person.

    ``exit_code`` is what the command line returns for it.
    """

    exit_code = 2


class ConfigError(ClpsError):
    """A config, name, size, file or URL is not acceptable. Nothing was queued."""


class DataError(ClpsError):
    """A data set is missing, damaged or does not fit the model."""


class StoreError(ClpsError):
    """The store cannot be opened, read or written."""


class NotFoundError(StoreError):
    """No such run, comparison or artefact."""


class NotAllowedError(ClpsError):
    """The policy of a shared server does not let this person do this. Nothing was done."""


class CheckpointError(ClpsError):
    """A checkpoint is missing, damaged, or belongs to a model of another shape."""


class TrainingError(ClpsError):
    """Training cannot go on: the loss is not finite, or memory ran out."""

    exit_code = 1


class JobError(ClpsError):
    """A job cannot be started, stopped or continued."""


class RunFailed(JobError):
    """A run ended with a failure; the message is its recorded reason."""

    exit_code = 1
