"""Short messages: one interface, its adapters."""
