"""Tests of `jobs.client`."""
