"""Names of the audit directory, beside the rest of the state, and of the files in it."""

DIRECTORY = "audit"

JOURNAL_FILE = "journal.jsonl"
"""The records, one per line, oldest first."""
HEAD_FILE = "journal.head"
"""Number and hash of the newest record."""
