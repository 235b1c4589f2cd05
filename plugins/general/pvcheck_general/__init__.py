"""General evaluators for pvcheck: programs, tests, texts, arrays, recorded numbers and traces."""
