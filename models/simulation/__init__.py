"""How the services of the paper's data set behave, and its attacks: pure, seeded, on event time."""
