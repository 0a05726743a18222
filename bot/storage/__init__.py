"""What is kept: SQLAlchemy Core over aiosqlite; one module a group of tables."""
