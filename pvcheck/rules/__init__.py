"""What a contract must obey beyond its shape. Each rule is a function from values to findings."""
