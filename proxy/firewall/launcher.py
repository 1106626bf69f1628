"""Starts the firewall helper's process, and has it make another helper when one has died."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Self

from proxy.firewall.nftables import FirewallError

_END_SECONDS = 5.0


class LauncherLostError(FirewallError):
    """The process that makes helpers has ended; only a restart of the gateway brings another."""


class Launcher:
    """The process, in the network namespace of the thread that makes this; it ends with ours, however that ends."""

    def __init__(self) -> None:
        """Start it, without waiting for it.

        Make it before the privileges that it is to keep are given up, and before threads are started.
        """
        self._orders, theirs = socket.socketpair()
        with theirs:
            # -I: neither the working directory nor the environment has a say in what a privileged process imports.
            argv = [sys.executable, "-I", "-m", "proxy.firewall.process", str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - fixed arguments
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def connect(self) -> socket.socket:
        """Return a connection to a fresh helper, which begins by telling that it is ready.

        Raises:
            LauncherLostError: when there can be none.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._orders, [b"\0"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise LauncherLostError(
                    f"the process that makes firewall helpers has ended ({error.strerror}) -- restart the gateway"
                ) from error
        return ours

    def close(self) -> None:
        """End it; a helper goes on until its connection is closed."""
        self._orders.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
