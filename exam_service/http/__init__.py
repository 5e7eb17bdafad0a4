"""What every page shares: sessions, CSRF, guards, errors as pages, security headers. Imports no feature."""
