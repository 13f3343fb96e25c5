"""Where every object is built and handed down, a module for each process; nothing else constructs."""
