"""Tasks behind requests, in the formats of swarms and of OpenAI, and what is shown of them."""
