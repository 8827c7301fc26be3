"""What the tests that need a cluster share: kubectl, the operator as a process, a proxy that injects faults."""
