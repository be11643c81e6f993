"""Software that enrols by itself: who lets it in, what it may ask for, and the one way to its certificate."""
