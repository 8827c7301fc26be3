"""NetworkPolicies: what they cut off, and what others still allow."""
