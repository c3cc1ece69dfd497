"""Solutions of the five assignments in Java, as a good student would write them, and mistakes in them."""
