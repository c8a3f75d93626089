// `cogo supabase status` prints both. The publishable key may be public; never put the secret key here.
export const SUPABASE_URL = "http://127.0.0.1:54321";
export const SUPABASE_PUBLISHABLE_KEY = "sb_publishable_...";
