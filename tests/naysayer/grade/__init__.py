"""Tests of naysayer/grade."""
