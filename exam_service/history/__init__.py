"""Every step of a physician's registration, on one page."""
