"""Tests of jobs/evaluate."""
