"""Tests of naysayer/explore."""
