"""The control socket: how an operator on this machine speaks to the running gateway."""
