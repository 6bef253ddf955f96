"""What the other documents of stream and context say, asked lazily."""
