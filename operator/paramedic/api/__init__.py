"""The Kubernetes API of paramedic, one folder a version."""
