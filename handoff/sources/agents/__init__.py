"""The session logs of coding agents, one module for each format."""
