"""Runs in the background, each in its own process. Start at ``service``: pages and commands call nothing else.

::

    service ----rows----> store <----rows---- supervisor --spawns--> waiter --spawns--> runner --trains--> store

``supervisor`` hands free slots to queued runs, ``waiter`` notes how a runner ended, ``runner`` is the one
place where training meets the store (and, with it, the only one that imports torch).

``settings``, ``slots``, ``machine`` and ``containers`` say what there is, ``admission`` and ``shares`` whether a run
may start now, ``launcher`` how an attempt becomes a process, ``keeping`` what happens to files, ``state`` what to tell.
"""
