"""Values taken out of files by a JSON Schema: ready-made schemas, given ones, and how values are shown."""
