"""Everything that touches the world: sockets, kernel, files, clocks, people."""
