"""What a command found, for programs: one document of plain JSON values, and the formats that are made from it."""
