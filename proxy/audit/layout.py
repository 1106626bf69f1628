"""Names of the files in an audit directory."""

JOURNAL_FILE = "journal.jsonl"
"""The records, one per line, oldest first."""
HEAD_FILE = "journal.head"
"""Number and hash of the newest record."""
