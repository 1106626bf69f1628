"""A worker: the process that takes connections, judges calls and learns. It holds no privilege and reads no state."""
