"""What `rrt compare` and `rrt what-if` print with --format json."""
