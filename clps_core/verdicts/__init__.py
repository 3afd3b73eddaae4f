"""Which of two designs is better, and when nothing can be said. Start at judging.verdicts; sentences in sentences.py.

``contenders`` reads designs from the store, ``budgets`` says in what two of them are matched, ``evidence`` has the
statistics beside ``sweeps.results.Spread``.
"""

from clps_core.verdicts.contenders import Contender, contenders
from clps_core.verdicts.judging import BEST, Verdict, Verdicts, verdicts
from clps_core.verdicts.plain import as_plain
from clps_core.verdicts.sentences import basis, sentence

__all__ = ["BEST", "Contender", "Verdict", "Verdicts", "as_plain", "basis", "contenders", "sentence", "verdicts"]
