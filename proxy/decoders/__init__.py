"""Decoders translate one middleware's HTTP into accesses, and a refusal into that middleware's own error form."""
