"""Throwaway Kubernetes clusters from Kubernetes' own programs: what `dev/localkind` is made of."""
