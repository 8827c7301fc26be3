"""From what Alertmanager sends to the Incident that is stored. Pure: bytes and labels in, plain objects out."""
