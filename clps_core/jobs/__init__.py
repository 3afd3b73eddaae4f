"""Jobs in the background, each in its own process. Start at ``service``: pages and commands call nothing else.

::

    service ----rows----> store <----rows---- supervisor --spawns--> waiter --spawns--> runner --does--> its kind's work

``supervisor`` hands free slots to queued jobs, ``waiter`` notes how a runner ended, ``runner`` claims a job and does
what its kind (``kinds``) says: ``training`` makes a run, ``evaluating`` evaluates one (``evaluations`` asks for that).
Both speak to the store through ``sink``; only what they call imports torch.

``settings``, ``slots``, ``machine`` and ``containers`` say what there is, ``admission`` and ``shares`` whether a job
may start now, ``launcher`` how an attempt becomes a process, ``keeping`` what happens to files, ``state`` what to tell.
"""
