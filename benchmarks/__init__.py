"""How fast django-hellotext is, measured beside what people would write without it: ``python -m benchmarks``."""
