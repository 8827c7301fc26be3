"""Answers of Prometheus, and what is made of them."""
