"""The shipped gateway as a process, in front of Knowledge Agent emulators, with real packets and real TLS."""
