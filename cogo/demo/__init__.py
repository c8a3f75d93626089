"""What the demo asks for and what it says at the end."""
