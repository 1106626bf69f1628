"""How the supervisor and its workers talk: typed messages over a Unix socket, and nothing that both could change."""
