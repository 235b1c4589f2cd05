"""From a document to a contract: the shape that the schema asks for, then frozen values."""
