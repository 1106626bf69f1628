"""What a request costs through each data plane, side by side, in network namespaces of their own."""
