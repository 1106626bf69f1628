"""Any middleware with a REST interface, by a mapping file: which request is which access."""
