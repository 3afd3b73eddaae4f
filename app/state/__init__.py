"""Every query parameter and session key, typed (``names.py``), and a page's address, read and written (``address.py``).

Two kinds of URL: a *spec* (what to build and train: ``?spec=...&strategy=none&strategy=all``) and a
*view* (run ids and what is shown: ``?runs=a,b``).
"""

from app.state.address import *  # noqa: F403
from app.state.names import *  # noqa: F403
