"""What a federation service costs, and how fast it is: real processes, real TLS, 10 to 100,000 origins."""
