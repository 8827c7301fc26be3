"""Evidence: what is collected, and how it is kept."""
