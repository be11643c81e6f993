"""Tests of deliveries to applications."""
