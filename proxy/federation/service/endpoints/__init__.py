"""What callers may ask of the service: one module for each kind of thing."""
