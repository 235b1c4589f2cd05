"""What the commands do, from paths to reports: checking needs no plugin, running does."""
