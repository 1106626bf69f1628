"""Drafts mappings of a REST middleware: from its OpenAPI document, and from what was seen of its traffic."""
