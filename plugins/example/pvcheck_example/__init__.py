"""A plugin of pvcheck: the evaluator ``monotone``."""
