"""Mining: code shared by sources, filters and samplers."""
