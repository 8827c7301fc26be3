"""HTTP requests as playbooks write them, and what their answers mean."""
