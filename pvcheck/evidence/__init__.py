"""Records of evaluations: what was measured, under which claim and bounds, and how it was judged."""
