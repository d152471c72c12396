"""What moves an answer: shares of variance, boxes of bad cases, and ranks under any weights."""
