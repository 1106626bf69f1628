"""The rule set that the paper's authors ran, written anew from its facts, to be compared with.

Only for evaluation: it lets unregistered services do what they like and learns from what it refuses. `docs/models.md`,
"The authors' rule set", says which open questions were settled how.
"""
