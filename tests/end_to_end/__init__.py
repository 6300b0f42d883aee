"""The started command, as its users meet it."""
