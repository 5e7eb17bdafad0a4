"""免考申请: an exemption is applied for, decided level by level, and granted."""
