"""`python -m proxy.worker`: started by the supervisor only."""

from proxy.worker.process import main

main()
