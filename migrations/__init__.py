"""Alembic migrations: small and append-only."""
