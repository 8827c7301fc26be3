"""The benchmark: paramedic beside programs that remember nothing, on one real API server, by its audit log."""
