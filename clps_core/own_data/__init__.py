"""Data sets that people bring: added, kept in the home, and tasks like any other. Start at adding.add and record.

``sources`` says where data come from and what is wrong with a file; ``reading`` reads it through the ``datasets``
library; ``columns`` guesses what its columns are; ``adding`` keeps a copy under ``CLPS_HOME/datasets/<name>``, which is
what counts from then on (``keeping``: row by row). ``vocabulary`` makes a tokenizer (``tokenizing``) and measures
texts, ``tokens`` keeps them as memory-mapped tokens. ``catalogue`` gives a set's facts as the task ``data:<name>``,
``texts`` its batches, ``work`` its loss and answers.

No torch here but in ``work``. ``datasets`` is imported by ``reading`` alone, when something is read.
"""
