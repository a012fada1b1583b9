"""Tables: schemas, training sets, labels, pairs and their sources."""
