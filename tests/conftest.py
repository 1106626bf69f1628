"""What must hold before any test module is imported."""

from __future__ import annotations

import getpass
import os

# numpy's linear algebra starts threads when it is imported, and the kernel gives a user namespace, which the network
# tests need without root, to single-threaded processes only.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# In a user namespace everybody is root; pytest names its temporary directory after who they really are.
os.environ.setdefault("USER", getpass.getuser())

from hypothesis import settings

# Time limits for single examples say more about the machine than about the code.
settings.register_profile("alleyes", deadline=None)
settings.load_profile("alleyes")
