"""The federation service: takes contributions and tells each origin the sum of the others'."""
