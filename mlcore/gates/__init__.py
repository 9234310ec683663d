"""Gates: policies over reports. What is not proven fails."""
