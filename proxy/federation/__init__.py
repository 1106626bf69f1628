"""What is learnt on many nodes is combined and comes back: the federation's service, its client, and what both need."""
