"""Between web and workers: the worker command, beat, and the transports."""
