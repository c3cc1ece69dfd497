"""Every schedule of a small scope, breadth first: the shortest failure, or the certainty that there is none in it."""
