"""The paper to the letter: `scoring: paper`. Every decision on what it leaves open is in docs/models.md."""
