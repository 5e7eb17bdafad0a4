"""The registration form: saved as it is typed, its pictures, its submission."""
