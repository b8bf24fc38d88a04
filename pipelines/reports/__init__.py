"""What people see: progress, the closing summary, tags as tables and pictures, and plans."""
