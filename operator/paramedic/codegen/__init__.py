"""What is generated from the code: the CRDs, the RBAC of the actions, the diagram of an incident's life."""
