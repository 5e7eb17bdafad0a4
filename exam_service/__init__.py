"""Online proctored examinations for 医师定期考核."""
