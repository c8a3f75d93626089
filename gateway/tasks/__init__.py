"""Tasks behind requests, in the formats of swarms and of OpenAI."""
