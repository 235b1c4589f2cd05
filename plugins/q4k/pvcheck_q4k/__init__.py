"""Q4_K evaluators for pvcheck: block formats, a strict GGUF reader, and the chain evaluator."""
