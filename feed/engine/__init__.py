"""The market engine: from a scenario and a seed to columns of ticks, from any market time on."""
