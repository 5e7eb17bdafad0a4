"""The service as deployed, killed and cut off under load: what it acknowledged is there afterwards."""
