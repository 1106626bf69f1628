"""`alleyes simulate federation`: what the federation is worth, in event time, with everything real but the sockets."""
