"""The commands of ``exam-service``, a file for each kind of errand. What one needs it loads when it runs."""
