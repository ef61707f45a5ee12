// Scopes in words: the built-in ones, and wildcards. Their grammar is the package's.

/** What every workspace has besides its catalogue. */
export const BUILT_IN = [
  { name: "tokens:read", description: "See tokens" },
  { name: "tokens:write", description: "Issue, change and revoke tokens" },
  { name: "tokens:import", description: "Import tokens that were issued elsewhere" },
  { name: "tokens:grant", description: "Give tokens all that their owner is granted" },
  { name: "tokens:verify", description: "Check tokens" },
  { name: "sessions:create", description: "Sign in here" },
  { name: "snapshots:read", description: "Read snapshots of the tokens" },
  { name: "audit:read", description: "Read the audit" },
  { name: "workspace:manage", description: "Manage members, clients, scopes and settings" },
];

/** What a wildcard says, in words. */
export function inWords(pattern) {
  if (pattern === "*") return "Everything, the management of this workspace included";
  return `Everything under ${pattern.slice(0, -2)}, also what is added later`;
}
