"""The groups of benchmarks, each a process of its own."""
