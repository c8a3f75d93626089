"""A made-up key of each shape, assembled here so that no secret scanner objects."""

from typing import Final

_LONG: Final = "Ab1" * 14
_HEX: Final = "0a1b2c3d4e5f"

KEYS: Final = {
    "COGO's gateway": f"cogo_{_HEX}_" + _LONG,
    "Supabase": "sb_secret_" + _LONG,
    "Supabase, publishable": "sb_publishable_" + _LONG,
    "JSON web token": "ey" + "J" + _LONG + ".ey" + "J" + _LONG + "." + _LONG,
    "Anthropic": "sk-" + "ant-api03-" + _LONG + "-" + _LONG,
    "OpenAI": "sk-" + "proj-" + _LONG,
    "OpenRouter": "sk-" + "or-v1-" + _LONG,
    "Langfuse": "pk-" + "lf-" + _LONG,
    "Fireworks": "fw_" + _LONG,
    "Groq": "gsk_" + _LONG,
    "Replicate": "r8_" + _LONG,
    "Hugging Face": "hf_" + _LONG,
    "xAI": "xai-" + _LONG,
    "Cerebras": "csk-" + _LONG,
    "NVIDIA": "nvapi-" + _LONG,
    "Together": "tgp_v1_" + _LONG,
    "LangSmith": "lsv2_pt_" + _LONG,
    "Perplexity": "pplx-" + _LONG,
    "Pinecone": "pcsk_" + _LONG,
    "Weights & Biases": "wandb_v1_" + _LONG,
    "Google": "AIza" + _LONG[:35],
    "Google, newer": "AQ." + _LONG,
    "ElevenLabs": "sk_" + _HEX * 4,
    "Stripe": "sk_live_" + _LONG,
    "Amazon Web Services": "AKIA" + "ABCDEFGH12345678",
    "GitHub": "ghp_" + _LONG,
    "GitHub, fine-grained": "github_pat_" + _LONG,
    "GitLab": "glpat-" + _LONG,
    "Slack": "xoxb-" + _LONG,
    "npm": "npm_" + _LONG[:36],
    "PyPI": "pypi-" + _LONG + _LONG,
    "keys that vendors show in part": "sk-" + "proj-abc***********xyz",
    "a private key": (
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMII-\n" + "-----END RSA " + "PRIVATE KEY-----"
    ),
}
