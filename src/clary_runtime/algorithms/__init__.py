"""Built-in algorithms, one package each."""
