"""An origin's side of a federation service: publishes what it learnt, and adopts what the others did.

Free of any detail of a node: a gateway uses it towards its site or the global level, a site's service towards the
global one. What is published and who adopts is given in (`ends`).
"""
