"""The words of the field as frozen values, and the laws between them. Reads no file, knows no plugin."""
