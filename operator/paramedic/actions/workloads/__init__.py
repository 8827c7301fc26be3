"""Workloads and their rollouts: revisions, the room for a Pod, what a template names, who depends on one."""
