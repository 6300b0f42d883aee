"""Tests of the support for test runners."""
