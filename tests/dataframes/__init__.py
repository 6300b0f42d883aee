"""Tests of `feed.dataframes`."""
