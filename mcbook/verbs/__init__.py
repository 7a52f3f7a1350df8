"""What mcbook does: one function for each command, joining the stages."""
