"""The notebooks as they are committed; `pytest --nbmake notebooks` runs them from start to end."""
