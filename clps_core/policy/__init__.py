"""Who may do what with runs, and how much of it. No torch, no streamlit. Start at read_policy and Person.

A server has one policy, a YAML file: ``CLPS_POLICY``, or ``policy.yaml`` in ``CLPS_HOME``. Without a file its
mode is ``local``: one person, who may do everything. On a ``shared`` server everybody sees all runs; only the
owner or a teacher acts on one or reads its log, and everybody but teachers has quotas::

    mode: shared
    login: true                             # nobody is known by a cookie, also when the login is out of order
    teachers: [ada@school.example]          # e-mail addresses, where people log in
    teacher_code: scrypt$16384$...          # where they do not; 'clps policy code' makes this line
    quotas: {queued: 20, steps: 5000, disk: 2G}   # of one person
    server: {queued: 200, disk: 20G}        # of all who have quotas together (limits.py)
    proxies: [127.0.0.1]                    # whose X-Forwarded-For says where a visitor comes from

Who uses the command line on the server itself can read and write ``CLPS_HOME`` anyway: the policy does not
bind them (``OPERATOR``). ``jobs/desk.py`` is the one place that asks the policy before something is done.
"""

from clps_core.policy.code import hash_code
from clps_core.policy.file import policy_path, read_policy
from clps_core.policy.rules import LOCAL_POLICY, OPERATOR, Action, Person, Policy, Quotas, Use, nobody

__all__ = [
    "LOCAL_POLICY",
    "OPERATOR",
    "Action",
    "Person",
    "Policy",
    "Quotas",
    "Use",
    "hash_code",
    "nobody",
    "policy_path",
    "read_policy",
]
