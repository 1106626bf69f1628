"""What a federation service keeps: the newest state of each origin, who may contribute, and what was accepted."""
