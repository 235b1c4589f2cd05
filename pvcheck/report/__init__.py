"""What people read: findings, results, tables and the verdict with its denominator. Nothing is decided here."""
