"""A demonstration: five provinces with their policies, accounts to try every role, and banks of our own."""
