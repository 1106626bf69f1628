"""The virtual site: certificates, Knowledge Agent emulators, live services and attacks, over real sockets."""
