"""Pure rules from (access, score, policy, time) to a verdict; performs nothing."""
