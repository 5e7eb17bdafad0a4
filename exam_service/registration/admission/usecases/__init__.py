"""The roster with the registrations of the cycle, what is done with its physicians, and transfers."""
