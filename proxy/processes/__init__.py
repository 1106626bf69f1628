"""How the supervisor and its workers talk: typed messages over pipes, and nothing that both could change."""
