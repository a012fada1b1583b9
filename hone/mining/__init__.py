"""Mining: what sources, filters and samplers share."""
