"""What the origins of a federation tell each other, as pure data: contributions, sums of them, and candidates."""
