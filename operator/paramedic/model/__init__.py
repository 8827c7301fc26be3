"""Values: durations, times, references, names, conditions, the timeline, workloads. No input or output."""
