"""What is wrong with a workload: a scene that is read once, small rules that look at it, and findings in rank."""
