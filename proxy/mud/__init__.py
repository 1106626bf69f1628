"""Manufacturer Usage Descriptions (RFC 8520): written from what was learnt, read as what is to be expected."""
