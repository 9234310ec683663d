"""The console without a server room: embedded broker, processes, assets. No Django imports."""
