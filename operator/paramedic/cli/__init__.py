"""`kubectl incident`."""
