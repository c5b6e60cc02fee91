"""What agents and administrators may do: one set of commands and queries for every surface."""
