"""An emulator of a DS2OS Knowledge Agent, written from `vsl-rest`."""
