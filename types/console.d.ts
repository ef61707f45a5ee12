// The parts of API responses that the console reads; openapi.json describes them in full.

interface Scope {
  name: string;
  description: string;
  visible_to?: string;
  grantable_by?: string;
  freshness?: string | null;
}

interface Member {
  id: string;
  name: string;
  email?: string | null;
  subject?: string | null;
  subject_issuer?: string | null;
  role: string;
  grants: string[];
  quota: number | null;
}

/** The response to creating or rotating a token. */
interface IssuedToken {
  id: string;
  name: string;
  token: string;
  hint: string;
  digest: string;
  expires_at: string | null;
  previous_valid_until?: string | null;
}

/** A loaded snapshot; times are in milliseconds since 1970. */
interface SnapshotInfo {
  workspace: string;
  asOf: number;
  expiresAt: number;
}
