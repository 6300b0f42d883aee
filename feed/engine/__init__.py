"""Market engine: columns of ticks from a scenario and a seed, from any market time on."""
